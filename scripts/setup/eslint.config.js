import { fileURLToPath } from 'node:url';
import prettier from 'eslint-config-prettier';
import imports from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Which way imports may point (design: contract ← workflows ← activities ← workers, scripts). */
function onlyTowards(files, patterns) {
  return { files, rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] } };
}

const NOT_FROM_PRODUCT = { regex: '(^|/)tests/', message: 'The product does not import its tests.' };
const NOT_FROM_ABOVE = {
  regex: '^(\\.\\./)+(workers|scripts)/',
  message: 'Activities are below workers and scripts and do not know them.',
};

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '**/.thoughtloop/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { 'import-x': imports },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: ROOT } },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [imports.createNodeResolver({ extensions: ['.ts', '.mjs'] })],
    },
    rules: {
      eqeqeq: 'error',
      'no-control-regex': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // An activity or a port is asynchronous by contract, whether or not its body waits.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  { files: ['**/*.{js,mjs}'], rules: { eqeqeq: 'error', 'no-unused-vars': 'error', 'no-unreachable': 'error' } },
  {
    files: ['**/*.test.ts', 'tests/support/**/*.ts'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    files: ['tests/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'kill', message: 'killProcess refuses ids that would end the test run itself.' },
      ],
    },
  },
  onlyTowards(
    ['workflows/contract/**/*.ts'],
    [{ regex: '^(?!\\./[^/]+\\.ts$)', message: 'The contract imports nothing but itself: everybody imports it.' }],
  ),
  {
    ...onlyTowards(
      ['workflows/**/*.ts'],
      [
        {
          regex: '^(?!\\.{1,2}/|@temporalio/(workflow|common)$)',
          message: 'Workflows run in the deterministic sandbox: @temporalio/workflow and the contract only.',
        },
        {
          regex: '^\\.\\./(?!contract/)',
          allowTypeImports: true,
          message: 'Workflows reach activities by proxies, and take types from them at most.',
        },
      ],
    ),
    ignores: ['workflows/contract/**'],
  },
  onlyTowards(
    ['activities/**/*.ts'],
    [
      NOT_FROM_PRODUCT,
      NOT_FROM_ABOVE,
      {
        regex: '^(\\.\\./)+workflows/(?!contract/)',
        allowTypeImports: true,
        message: 'Activities take values from workflows/contract alone.',
      },
    ],
  ),
  onlyTowards(
    ['workers/**/*.ts'],
    [NOT_FROM_PRODUCT, { regex: '^(\\.\\./)+scripts/', message: 'Workers run without the command line around them.' }],
  ),
  // The fault harness is a test that a person runs: it drives the toy programs of the tests.
  { ...onlyTowards(['scripts/**/*.ts'], [NOT_FROM_PRODUCT]), ignores: ['scripts/chaos/**'] },
  prettier,
);
