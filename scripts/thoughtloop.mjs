#!/usr/bin/env node
/** The command `thoughtloop`: installs what is missing, then runs scripts/thoughtloop.ts under Node 24. */
import { bootstrap } from './setup/bootstrap.mjs';

process.exit(await bootstrap('cli', process.argv.slice(2)));
