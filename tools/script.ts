// Packetdrill scripts against the stack, in virtual time: `npm run script -- FILE…`, or those of a list.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';

import { ScriptSyntaxError } from '../src/testing/packetdrill/ast.js';
import { parse } from '../src/testing/packetdrill/parse.js';
import { type Outcome, run, type RunOptions } from '../src/testing/packetdrill/run.js';

interface Options {
  readonly list?: string;
  readonly root: string[];
  readonly class: string[];
  readonly extraAcks?: boolean;
  readonly neutral?: boolean;
  readonly define: string[];
  readonly verbose?: boolean;
  readonly skipsOk?: boolean;
}

const several = (value: string, before: string[]): string[] => [...before, ...value.split(',')];

const program = new Command('script')
  .description('play packetdrill scripts against the stack')
  .argument('[files...]')
  .option('--list <file>', 'lines of "suite class path": the paths stand under a --root')
  .option('--root <dir>', 'where a list\'s paths are, or the paths of one suite: suite=dir', several, [])
  .option('--class <name>', 'of a list, only these classes', several, [])
  .option('--extra-acks', 'pass over pure ACKs that the script does not have (a list: always)')
  .option('--neutral', 'leave to each stack what no RFC decides: window sizes, a SYN\'s order of options, PSH (a list: always)')
  .option('--define <name>', 'names that #ifdef finds; default STANDARD, and where that fails what else the script knows', several, [])
  .option('--verbose', 'name what passes, too')
  .parse();

const options = program.opts<Options>();
const isForeign = options.list !== undefined;
const how: RunOptions = {
  extraAcks: options.extraAcks ?? isForeign, neutral: options.neutral ?? isForeign,
};

const counts = { passed: 0, failed: 0, skipped: 0 };
const classes = new Map<string, typeof counts>();

for (const { path, name, kind } of [...program.args.map((path) => ({ path, name: path, kind: '' })), ...listed()]) {
  const outcome = play(path, name);
  counts[outcome.kind]++;
  const ofClass = classes.get(kind) ?? { passed: 0, failed: 0, skipped: 0 };
  ofClass[outcome.kind]++;
  classes.set(kind, ofClass);
  report(name, outcome);
}
if (classes.size > 1) for (const [kind, each] of [...classes].toSorted()) console.log(`${kind}: ${summary(each)}`);
console.log(summary(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;

function summary({ passed, failed, skipped }: typeof counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function listed(): { path: string; name: string; kind: string }[] {
  if (options.list === undefined) return [];
  const rows = readFileSync(options.list, 'utf8').split('\n').map((line) => line.trim().split(/\s+/)).filter(([suite]) => suite !== '');
  return rows.filter(([, kind]) => options.class.length === 0 || options.class.includes(kind!)).map(([suite, kind, path]) => {
    const own = options.root.filter((root) => root.startsWith(`${suite}=`)).map((root) => root.slice(suite!.length + 1));
    const roots = own.length > 0 ? own : options.root.filter((root) => !root.includes('='));
    const places = (roots.length > 0 ? roots : ['.']).map((root) => join(root, path!));
    return { path: places.find(isThere) ?? places[0]!, name: `${suite}/${path!}`, kind: kind! };
  });
}

function isThere(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Where a script's authors know several ways that are right, any will do. */
function play(path: string, name: string): Outcome {
  if (options.define.length > 0) return playAs(path, name, options.define);
  const first = playAs(path, name, ['STANDARD']);
  if (first.kind !== 'failed' || !isForeign) return first;
  const others = [...readFileSync(path, 'utf8').matchAll(/^\s*#\s*ifdef\s+(\w+)/gm)].map(([, other]) => other!).filter((other) => other !== 'STANDARD');
  return others.some((other) => playAs(path, name, [other]).kind === 'passed') ? { kind: 'passed' } : first;
}

function playAs(path: string, name: string, defined: readonly string[]): Outcome {
  try {
    return run(parse(readFileSync(path, 'utf8'), name, new Set(defined)), how);
  } catch (error) {
    if (error instanceof ScriptSyntaxError) return { kind: 'skipped', reason: error.message.replace(`${name}:`, 'line ') };
    if (!isThere(path)) return { kind: 'skipped', reason: 'no such file' };
    // A broken invariant of the stack's is a failure of the script's.
    return { kind: 'failed', line: 0, want: 'a stack that keeps its invariants', got: error instanceof Error ? error.stack ?? error.message : String(error) };
  }
}

function report(name: string, outcome: Outcome): void {
  if (outcome.kind === 'passed') {
    if (options.verbose === true) console.log(`pass ${name}`);
  } else if (outcome.kind === 'skipped') {
    console.log(`skip ${name}: ${outcome.reason}`);
  } else {
    console.log(`fail ${name}:${outcome.line}: want ${outcome.want}\n     got  ${outcome.got}`);
  }
}
