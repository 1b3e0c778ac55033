// What the linter keeps: the floors, the core's neutrality towards every platform, and order on the sequence circle.
// Well-kept rules with our settings, and one of our own (tools/lint): no other linter knows what a sequence number is.

import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

import circularOrder from './tools/lint/circular-order.mjs';

/** The folders of `src` and what each may import from. Itself and the ground go without saying. */
const FLOORS = {
  link: [],
  ip: ['link'],
  icmp: ['link', 'ip'],
  udp: ['link', 'ip'],
  tcp: ['link', 'ip'],
  sctp: ['link', 'ip'],
  'socket-api': ['link', 'ip', 'icmp', 'udp', 'tcp', 'sctp'],
};

/** What composes the floors, and is imported by none of them. Every other file directly in `src` is ground. */
const ROOF = { files: ['index', 'node', 'net', 'dgram', 'register', 'cli', 'stack', 'driver', 'layouts', 'pcap', 'bsd', 'web', 'testing', 'vitest', 'arbitraries'], folders: ['testing', 'services'] };

/** Files of the roof that are for Node alone. */
const OF_NODE = ['node', 'net', 'dgram', 'register', 'cli'];

// ---- the platform, and who may touch it ----------------------------------------------------------------------------

const CLOCK = 'The core reads no clock: `now` is an argument.';
const SLEEP = 'The core never sleeps: expose nextTimeout() and expire(now); src/driver.ts does the waiting.';
const PLATFORM = 'The core is platform-neutral: this belongs in a folder called node/.';

const TIMERS = ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'MessageChannel'];
const ABSENT = {
  [CLOCK]: ['Date', 'performance'],
  [SLEEP]: [...TIMERS, 'setInterval', 'clearInterval', 'requestAnimationFrame', 'requestIdleCallback', 'Atomics'],
  [PLATFORM]: [
    'Buffer', 'process', 'console', 'require', 'module', 'exports', '__dirname', '__filename', 'global', 'Deno', 'Bun',
    'window', 'self', 'document', 'navigator', 'location', 'localStorage', 'fetch', 'WebSocket', 'Worker', 'MessagePort',
  ],
};

/** The globals that the core must do without, but for `present`. */
function absentGlobals(present = []) {
  const globals = Object.entries(ABSENT).flatMap(([message, names]) => names.map((name) => ({ name, message })));
  return ['error', { globals: globals.filter(({ name }) => !present.includes(name)), checkGlobalObject: true }];
}

const ANYWHERE = [
  { selector: 'TSEnumDeclaration', message: 'A union of string literals instead: enums are not erasable.' },
  { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
  { selector: 'ExportSpecifier[exported.name="default"]', message: 'Named exports only.' },
];
const AMBIENT = `/^(${Object.values(ABSENT).flat().join('|')})$/`;
const IN_THE_CORE = [
  { selector: 'ImportExpression', message: 'The core imports statically, so that the floors can be checked.' },
  { selector: 'TSImportType', message: 'Use `import type`, so that the floors can be checked.' },
  { selector: 'TSModuleDeclaration[kind="global"]', message: PLATFORM },
  { selector: `VariableDeclaration[declare=true] > VariableDeclarator[id.name=${AMBIENT}]`, message: PLATFORM },
  { selector: `TSDeclareFunction[declare=true][id.name=${AMBIENT}]`, message: PLATFORM },
];

// ---- who may import whom -------------------------------------------------------------------------------------------

const PACKAGE = 'The core imports no package and nothing of node:; that belongs in a folder called node/.';
const NODE_PART = 'Code that runs anywhere cannot import code that runs on Node.';
const LAYOUT = 'Layouts need Node\'s Buffer and are slow: they are for tools, tests and src/layouts.ts.';

const OUTSIDE = 'Nothing in src imports from outside src.';

const inNode = 'src/**/node/**';
const layoutFile = 'src/**/layout.ts';
const alternatives = (names) => `(?:${names.join('|')})`;
const rank = (name) => `(?!${alternatives(ROOF.files)}\\.js$)${name}\\.js$`;

/**
 * The settings of `no-restricted-imports` for files that lie `depth` folders below `src`: which ways lead out of the
 * own floor (`reach`, from `src` on), and which packages. An allow-list, because what is forbidden has no end.
 */
function imports({ depth, reach, message, packages = [], layouts = false, node = false, nodeParts = node }) {
  const up = depth === 0 ? '\\./' : `(?:\\.\\./){${depth}}`;
  const ways = [`${up}(?:${reach})`];
  if (depth > 0) ways.push('\\./[^.]');
  if (depth > 1) ways.push(`(?:\\.\\./){1,${depth - 1}}[^.]`);
  const patterns = [{ regex: `^(?!${alternatives(ways)})\\.|[^./]/\\.\\./`, message }];
  if (!layouts) patterns.push({ regex: '/layouts?\\.js$', message: LAYOUT });
  if (!node) {
    patterns.push({ regex: `^(?!\\.)${packages.map((name) => `(?!${name}$)`).join('')}`, message: PACKAGE });
  }
  if (!nodeParts) patterns.push({ regex: `/node/|^${up}node\\.js$`, message: NODE_PART });
  return { 'no-restricted-imports': ['error', { patterns }] };
}

/** The three kinds of files there may be in a folder: for everywhere, for Node, and descriptions of formats. */
function folder(name, reach, message) {
  return [1, 2, 3].flatMap((depth) => {
    const files = `src/${name}/${'*/'.repeat(depth - 1)}*.ts`;
    const way = { depth, reach, message };
    return [
      { files: [files], ignores: [inNode, layoutFile], rules: imports(way) },
      { files: [[files, inNode]], rules: imports({ ...way, node: true }) },
      { files: [[files, layoutFile]], rules: imports({ ...way, layouts: true, packages: ['buffer-layout'] }) },
    ];
  });
}

const ground = rank('[\\w-]+');
const roofFile = (name) => `src/${name}.ts`;

const floors = [
  {
    files: ['src/*.ts'],
    ignores: ROOF.files.map(roofFile),
    rules: imports({ depth: 0, reach: ground, message: 'The ground stands on nothing but itself.' }),
  },
  ...Object.entries(FLOORS).flatMap(([name, below]) => folder(
    name,
    `${alternatives([name, ...below])}/[^.]|${ground}`,
    `${name} may import from ${['the ground', ...below, 'itself'].join(', ')}: never up, never sideways.`,
  )),
  ...ROOF.folders.flatMap((name) => folder(name, '[^.]', OUTSIDE)),
  ...ROOF.files.map((name) => ({
    files: [roofFile(name)],
    rules: imports({
      depth: 0,
      reach: '[^.]',
      message: OUTSIDE,
      node: OF_NODE.includes(name),
      // vitest runs on Node, and so may what meets it: nothing of node: by itself, but our parts for Node.
      nodeParts: OF_NODE.includes(name) || name === 'vitest',
      layouts: name === 'layouts',
      packages: name === 'layouts' ? ['buffer-layout'] : name === 'vitest' ? ['vitest'] : [],
    }),
  })),
];

/** Files of the roof that exist to meet a package: an entry point of their own, and the package an optional peer. */
const MEETINGS = [
  { file: 'src/testing/arbitraries/*.ts', depth: 2, packages: ['fast-check'] },
].map(({ file, depth, packages }) => ({
  files: [file],
  rules: imports({ depth, reach: '[^.]', message: OUTSIDE, packages }),
}));

/** Composes a stack for the faces that mimic Node's modules: the one file of its folder that sees the roof. */
const DEFAULT_STACK = {
  files: ['src/socket-api/node/default-stack.ts'],
  rules: imports({ depth: 2, reach: '[^.]', message: OUTSIDE, node: true }),
};

/** What is imported as `node:net` is has a default export. */
const MODULE_OF_NODE = {
  files: ['src/net.ts', 'src/dgram.ts'],
  rules: { 'no-restricted-syntax': ['error', ANYWHERE[0]] },
};

// ---- all together --------------------------------------------------------------------------------------------------

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'types/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [eslint.configs.recommended, tseslint.configs.recommended],
    rules: {
      eqeqeq: 'error',
      'no-control-regex': 'off',
      // A parameter that an implementation does not need still tells what the interface hands it.
      '@typescript-eslint/no-unused-vars': ['error', { args: 'none', ignoreUsingDeclarations: true }],
      // Steps in an RFC's order read best as one chain: checkSequence(…) && checkReset(…) && …
      '@typescript-eslint/no-unused-expressions': ['error', { allowShortCircuit: true }],
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [eslint.configs.recommended],
    rules: { 'no-undef': 'off' },
  },
  {
    files: ['src/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeCheckedOnly],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { wallsocket: { rules: { 'circular-order': circularOrder } } },
    rules: {
      'no-restricted-syntax': ['error', ...ANYWHERE],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/require-await': 'off',
      // An address prints as its text form.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allow: [{ from: 'file', name: 'Address' }] }],
      // These two, as recommended, want an assertion on an unknown value that no-unnecessary-type-assertion forbids.
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    // RFC 9293 §3.4: all arithmetic on sequence numbers is modulo 2**32, and lives in one file.
    files: ['src/**/*.ts'],
    ignores: ['src/tcp/seq.ts'],
    rules: { 'wallsocket/circular-order': ['error', { types: ['Seq'], home: 'src/tcp/seq.ts' }] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: [inNode, ...OF_NODE.map(roofFile), 'src/vitest.ts'],
    rules: {
      'no-restricted-globals': absentGlobals(),
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'The core throws no dice: draw from the Random it was given.' },
        { object: 'performance', allowProperties: ['now'] },
      ],
      'no-restricted-syntax': ['error', ...ANYWHERE, ...IN_THE_CORE],
      '@typescript-eslint/no-restricted-types': ['error', { types: { Buffer: PLATFORM } }],
    },
  },
  {
    files: ['src/driver.ts'],
    rules: { 'no-restricted-globals': absentGlobals([...TIMERS, 'performance']) },
  },
  {
    files: [layoutFile, 'src/layouts.ts'],
    rules: {
      // buffer-layout's text fields and blobs take and give Buffers.
      'no-restricted-globals': absentGlobals(['Buffer']),
      '@typescript-eslint/no-restricted-types': 'off',
    },
  },
  floors,
  MEETINGS,
  DEFAULT_STACK,
  MODULE_OF_NODE,
);
