// The floors and the core's neutrality are kept by the linter; this keeps the linter. Each law is broken once in a
// planted file (in memory: nothing is written) and must cost the error that names it; its lawful twin must be free.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** For laws that a file's text alone can break: the project's configuration, without its rules that need types. */
const byText = new ESLint({
  cwd: ROOT,
  overrideConfig: {
    files: ['src/**/*.ts'],
    rules: { ...tseslint.configs.disableTypeChecked.rules, 'wallsocket/circular-order': 'off' },
    languageOptions: { parserOptions: { projectService: false } },
  },
});

/** Where laws about types are broken. Files that exist are judged in their own project, the others in one made for them. */
const TYPED = ['src/planted.ts', 'src/link/node/planted.ts', 'src/tcp/planted.ts', 'src/tcp/congestion/planted.ts', 'src/tcp/seq.ts'];
const byTypes = new ESLint({
  cwd: ROOT,
  overrideConfig: {
    files: ['src/**/*.ts'],
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: TYPED.filter((path) => !existsSync(`${ROOT}/${path}`)),
          defaultProject: 'tsconfig.json',
        },
      },
    },
  },
});

/** The rules that `text` breaks as the file `filePath`, once each. */
async function brokenBy(eslint: ESLint, filePath: string, text: string): Promise<string[]> {
  const [result] = await eslint.lintText(`${text}\n`, { filePath });
  return [...new Set(result!.messages.map((message) => message.ruleId ?? message.message))];
}
const broken = (filePath: string, text: string): Promise<string[]> => brokenBy(byText, filePath, text);
const brokenTyped = (filePath: string, text: string): Promise<string[]> => brokenBy(byTypes, filePath, text);

/** `export * from` breaks nothing but import rules, whether or not the target exists. */
const importing = (specifier: string): string => `export * from '${specifier}';`;

describe('a floor imports from lower floors and itself, never up, never sideways', () => {
  test.each([
    ['the ground from a floor', 'src/planted.ts', './ip/ip.js'],
    ['the ground from the roof', 'src/planted.ts', './stack.js'],
    ['link from ip', 'src/link/planted.ts', '../ip/address.js'],
    ['ip from a transport', 'src/ip/planted.ts', '../tcp/tcp.js'],
    ['ip from icmp', 'src/ip/planted.ts', '../icmp/icmp.js'],
    ['tcp from udp', 'src/tcp/planted.ts', '../udp/udp.js'],
    ['udp from tcp', 'src/udp/planted.ts', '../tcp/seq.js'],
    ['icmp from udp', 'src/icmp/planted.ts', '../udp/udp.js'],
    ['sctp from tcp', 'src/sctp/planted.ts', '../tcp/wire.js'],
    ['a folder inside tcp from udp', 'src/tcp/congestion/planted.ts', '../../udp/udp.js'],
    ['tcp from udp by a detour', 'src/tcp/planted.ts', './congestion/../../udp/udp.js'],
    ['tcp from udp by another detour', 'src/tcp/planted.ts', '../link/../udp/udp.js'],
    ['a transport from the sockets', 'src/tcp/planted.ts', '../socket-api/tcp.js'],
    ['a transport from the roof', 'src/tcp/planted.ts', '../stack.js'],
    ['the sockets from the roof', 'src/socket-api/planted.ts', '../stack.js'],
    ['the sockets from the laboratory', 'src/socket-api/planted.ts', '../testing/network.js'],
    ['the sockets from the driver', 'src/socket-api/planted.ts', '../driver.js'],
    ['a floor from a floor nobody has declared', 'src/ip/planted.ts', '../unheard-of/planted.js'],
    ['a node/ folder from a higher floor', 'src/link/node/planted.ts', '../../tcp/tcp.js'],
    ['a layout from a neighbour', 'src/tcp/layout.ts', '../udp/layout.js'],
    ['the roof from outside src', 'src/stack.ts', '../tools/start.js'],
    ['the laboratory from outside src', 'src/testing/planted.ts', '../../test/unit/lint.test.js'],
  ])('%s: refused', async (_what, file, specifier) => {
    expect(await broken(file, importing(specifier))).toEqual(['no-restricted-imports']);
  });

  test.each([
    ['the ground from the ground', 'src/planted.ts', './bytes.js'],
    ['link from the ground', 'src/link/planted.ts', '../packet.js'],
    ['link from itself', 'src/link/planted.ts', './device.js'],
    ['ip from link', 'src/ip/planted.ts', '../link/device.js'],
    ['tcp from ip', 'src/tcp/planted.ts', '../ip/protocol.js'],
    ['tcp from its own folder', 'src/tcp/planted.ts', './congestion/cubic.js'],
    ['a folder inside tcp from tcp', 'src/tcp/congestion/planted.ts', '../seq.js'],
    ['a folder inside tcp from the ground', 'src/tcp/congestion/planted.ts', '../../time.js'],
    ['the sockets from a transport', 'src/socket-api/planted.ts', '../udp/udp.js'],
    ['the sockets from ip', 'src/socket-api/planted.ts', '../ip/raw.js'],
    ['a node/ folder from its floor', 'src/link/node/planted.ts', '../device.js'],
    ['the roof from everything', 'src/stack.ts', './tcp/tcp.js'],
    ['the laboratory from the roof', 'src/testing/planted.ts', '../stack.js'],
    ['the services from the sockets', 'src/services/planted.ts', '../socket-api/udp.js'],
  ])('%s: free', async (_what, file, specifier) => {
    expect(await broken(file, importing(specifier))).toEqual([]);
  });

  test('a type is an import like any other', async () => {
    const text = "import type { Stack } from '../stack.js';\nexport type Held = Stack | null;";
    expect(await broken('src/socket-api/planted.ts', text)).toContain('no-restricted-imports');
  });

  test.each([
    ['import()', "export const load = async (): Promise<unknown> => import('../udp/udp.js');"],
    ['a type spelled import()', "export type Other = import('../address.js').Address;"],
  ])('%s would hide an import from the linter: refused in the core', async (_what, text) => {
    expect(await broken('src/tcp/planted.ts', text)).toContain('no-restricted-syntax');
  });
});

describe('the core names no platform', () => {
  const CORE = [
    'src/planted.ts', 'src/link/planted.ts', 'src/ip/planted.ts', 'src/tcp/planted.ts', 'src/udp/planted.ts',
    'src/socket-api/planted.ts', 'src/testing/planted.ts', 'src/services/planted.ts', 'src/stack.ts', 'src/index.ts',
    'src/driver.ts', 'src/tcp/congestion/planted.ts',
  ];
  const RIM = ['src/node.ts', 'src/link/node/planted.ts', 'src/socket-api/node/planted.ts', 'src/services/node/planted.ts'];

  test.each([
    ['a module of Node', importing('node:fs'), 'no-restricted-imports'],
    ['a package', importing('koffi'), 'no-restricted-imports'],
    ['the package itself', importing('wallsocket'), 'no-restricted-imports'],
    ['the wall clock', 'export const then = (): number => Date.now();', 'no-restricted-globals'],
    ['a date', 'export const then = (): object => new Date();', 'no-restricted-globals'],
    ['dice', 'export const chance = (): number => Math.random();', 'no-restricted-properties'],
    ['dice, unpacked', 'export const { random } = Math;', 'no-restricted-properties'],
    ['Buffer', 'export const empty: Uint8Array = Buffer.alloc(0);', 'no-restricted-globals'],
    ['Buffer as a type', 'export type Bytes = Buffer;', '@typescript-eslint/no-restricted-types'],
    ['process', 'export const pid = process.pid;', 'no-restricted-globals'],
    ['console', 'export const say = (): void => console.log();', 'no-restricted-globals'],
    ['setInterval', 'export const tick = (f: () => void): unknown => setInterval(f, 1);', 'no-restricted-globals'],
    ['a global by way of globalThis', 'export const pid = globalThis.process.pid;', 'no-restricted-globals'],
    ['an ambient declaration', 'declare const process: { pid: number };\nexport const pid = process.pid;', 'no-restricted-syntax'],
  ])('%s: refused everywhere but at the rim', async (_what, text, rule) => {
    for (const file of CORE) expect([file, await broken(file, text)]).toEqual([file, expect.arrayContaining([rule])]);
    for (const file of RIM) expect([file, await broken(file, text)]).toEqual([file, expect.not.arrayContaining([rule])]);
  });

  test.each([
    ['setTimeout', 'export const later = (f: () => void): unknown => setTimeout(f, 1);'],
    ['setImmediate', 'export const soon = (f: () => void): unknown => setImmediate(f);'],
    ['performance', 'export const now = (): number => performance.now();'],
  ])('%s: for the driver alone', async (_what, text) => {
    expect(await broken('src/driver.ts', text)).toEqual([]);
    for (const file of CORE.filter((path) => path !== 'src/driver.ts')) {
      expect([file, await broken(file, text)]).toEqual([file, ['no-restricted-globals']]);
    }
  });

  test('of performance the driver takes now() and nothing else', async () => {
    expect(await broken('src/driver.ts', 'export const origin = performance.timeOrigin;')).toEqual(['no-restricted-properties']);
  });

  test.each([
    ['microtasks', 'export const next = (f: () => void): void => queueMicrotask(f);'],
    ['a cryptographic source', 'export const draw = (a: Uint32Array<ArrayBuffer>): unknown => crypto.getRandomValues(a);'],
    ['UTF-8', 'export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);'],
    ['Math, but for its dice', 'export const root = (n: number): number => Math.sqrt(n);'],
  ])('%s: every platform has it, so the core may', async (_what, text) => {
    expect(await broken('src/stack.ts', text)).toEqual([]);
  });

  test('code for everywhere does not import code for Node', async () => {
    expect(await broken('src/index.ts', importing('./link/node/tun.js'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/index.ts', importing('./node.js'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/link/planted.ts', importing('./node/tun.js'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/testing/planted.ts', importing('../node.js'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/node.ts', importing('./link/node/tun.js'))).toEqual([]);
  });
});

test('a file that meets a test tool imports that tool and no other', async () => {
  expect(await broken('src/vitest.ts', importing('vitest'))).toEqual([]);
  expect(await broken('src/vitest.ts', importing('fast-check'))).toEqual(['no-restricted-imports']);
  expect(await broken('src/testing/arbitraries/planted.ts', importing('fast-check'))).toEqual([]);
  expect(await broken('src/testing/arbitraries/planted.ts', importing('vitest'))).toEqual(['no-restricted-imports']);
  expect(await broken('src/testing/planted.ts', importing('vitest'))).toEqual(['no-restricted-imports']);
});

describe('layouts are witnesses, not machinery', () => {
  test.each(['src/tcp/layout.ts', 'src/layouts.ts'])('%s may use buffer-layout', async (file) => {
    expect(await broken(file, importing('buffer-layout'))).toEqual([]);
  });
  test('and no other package', async () => {
    expect(await broken('src/tcp/layout.ts', importing('fast-check'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/tcp/layout.ts', importing('node:buffer'))).toEqual(['no-restricted-imports']);
  });
  test('the core does not import them', async () => {
    expect(await broken('src/tcp/planted.ts', importing('./layout.js'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/socket-api/planted.ts', importing('../tcp/layout.js'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/index.ts', importing('./layouts.js'))).toEqual(['no-restricted-imports']);
    expect(await broken('src/tcp/planted.ts', importing('buffer-layout'))).toEqual(['no-restricted-imports']);
  });
  test('src/layouts.ts gathers them, and one may build on another below it', async () => {
    expect(await broken('src/layouts.ts', importing('./tcp/layout.js'))).toEqual([]);
    expect(await broken('src/tcp/layout.ts', importing('../ip/layout.js'))).toEqual([]);
  });
});

// RFC 9293 §3.4: comparison and arithmetic on sequence numbers are modulo 2**32.
describe('sequence numbers are not compared as numbers', () => {
  const SEQ = "export type Seq = number & { readonly __brand: 'Seq' };";
  const RULE = 'wallsocket/circular-order';

  test.each([
    ['<', 'export const f = (a: Seq, b: Seq): boolean => a < b;'],
    ['<=', 'export const f = (a: Seq, b: Seq): boolean => a <= b;'],
    ['>', 'export const f = (a: Seq, b: Seq): boolean => a > b;'],
    ['>=', 'export const f = (a: Seq, b: Seq): boolean => a >= b;'],
    ['-', 'export const f = (a: Seq, b: Seq): number => a - b;'],
    ['+', 'export const f = (a: Seq, b: Seq): number => a + b;'],
    ['- with a plain number', 'export const f = (a: Seq): number => a - 1;'],
    ['+ with a plain number before it', 'export const f = (a: Seq, n: number): number => n + a;'],
    ['< 0', 'export const f = (a: Seq): boolean => a < 0;'],
    ['++', 'export function f(a: Seq): unknown {\n  a++;\n  return a;\n}'],
    ['+=', 'export function f(a: Seq): number {\n  let n = 0;\n  n += a;\n  return n;\n}'],
    ['Math.max', 'export const f = (a: Seq, b: Seq): number => Math.max(a, b);'],
    ['- on fields', 'export const f = (c: { snd: { nxt: Seq; una: Seq } }): number => c.snd.nxt - c.snd.una;'],
    ['< on what may be null', 'export const f = (a: Seq | null, b: Seq): boolean => a !== null && a < b;'],
    ['< on what may be something else', 'export const f = (a: Seq | bigint, b: number): boolean => a < b;'],
    ['< in a generic function', 'export const f = <T extends Seq>(a: T, b: T): boolean => a < b;'],
  ])('%s: refused', async (_what, text) => {
    expect(await brokenTyped('src/tcp/planted.ts', `${SEQ}\n${text}`)).toEqual([RULE]);
    expect(await brokenTyped('src/tcp/congestion/planted.ts', `${SEQ}\n${text}`)).toEqual([RULE]);
  });

  test('the brand is known across files', async () => {
    const text = "import type { Seq } from './seq.js';\nexport const f = (a: Seq, b: Seq): boolean => a < b;";
    expect(await brokenTyped('src/tcp/planted.ts', text)).toContain(RULE);
  });

  test.each([
    ['equality', 'export const f = (a: Seq, b: Seq): boolean => a === b;'],
    ['bits', 'export const f = (a: Seq): number => a >>> 0;'],
    ['print', 'export const f = (a: Seq): string => `${a >>> 0}` + a;'],
    ['compare lengths', 'export const f = (a: number, b: number): boolean => a - 1 < b;'],
    ['Math.max of lengths', 'export const f = (a: number, b: number): number => Math.max(a, b);'],
  ])('%s: free', async (_what, text) => {
    expect(await brokenTyped('src/tcp/planted.ts', `${SEQ}\n${text}`)).toEqual([]);
  });

  test('seq.ts is where it is done', async () => {
    expect(await brokenTyped('src/tcp/seq.ts', `${SEQ}\nexport const lt = (a: Seq, b: Seq): boolean => ((a - b) | 0) < 0;`)).toEqual([]);
  });
});

describe('house style', () => {
  test.each([
    ['a default export', 'export default 1;', 'no-restricted-syntax'],
    ['a default export in disguise', 'const one = 1;\nexport { one as default };', 'no-restricted-syntax'],
    ['an enum', "export enum Color { Red = 'red' }", 'no-restricted-syntax'],
    ['any', 'export const f = (a: any): unknown => a;', '@typescript-eslint/no-explicit-any'],
    ['a namespace', 'export namespace N { export const a = 1; }', '@typescript-eslint/no-namespace'],
    ['== on values', 'export const f = (a: string, b: string): boolean => a == b;', 'eqeqeq'],
    ['a forgotten promise', 'export function f(p: Promise<void>): void {\n  p.then(() => undefined);\n}', '@typescript-eslint/no-floating-promises'],
  ])('%s: refused, at the rim too', async (_what, text, rule) => {
    expect(await brokenTyped('src/planted.ts', text)).toEqual([rule]);
    expect(await brokenTyped('src/link/node/planted.ts', text)).toEqual([rule]);
  });

  test('a switch names every case or has a default', async () => {
    const text = (last: string): string =>
      `export function f(s: 'a' | 'b'): number {\n  switch (s) {\n    case 'a': return 1;\n    ${last}: return 2;\n  }\n}`;
    expect(await brokenTyped('src/planted.ts', text("case 'b'"))).toEqual([]);
    expect(await brokenTyped('src/planted.ts', text('default'))).toEqual([]);
    const forgetful = "export function f(s: 'a' | 'b'): void {\n  switch (s) {\n    case 'a': s.trim(); break;\n  }\n}";
    expect(await brokenTyped('src/planted.ts', forgetful)).toEqual(['@typescript-eslint/switch-exhaustiveness-check']);
  });
});
