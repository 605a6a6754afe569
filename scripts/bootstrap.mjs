/** From a fresh clone to a running program: `node scripts/bootstrap.mjs <demo|test|check|chaos|bench|cli> [arguments]`. */
import { bootstrap } from './setup/bootstrap.mjs';

const [target, ...args] = process.argv.slice(2);
process.exit(await bootstrap(target, args));
