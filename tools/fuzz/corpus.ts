// Captures that others collected because they broke something: every frame of every file in a folder, into a stack that lives. They
// are read where they lie, and are nobody's here.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

import { play, type Played } from '../../test/fuzz/harness/playback.js';

/** Every file below `path`, or itself. */
function* filesOf(path: string): Generator<string> {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) yield* filesOf(join(path, name));
}

/** By their first bytes: pcapng, and the classic format of either order, in micro- or nanoseconds. */
const MAGIC = new Set(['0a0d0d0a', 'a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1']);

const isCapture = (file: Uint8Array): boolean => MAGIC.has(Buffer.from(file.subarray(0, 4)).toString('hex'));

/** @returns an exit code: 0 if nothing failed, and there was something */
export function playCorpus(folder: string, print: (line: string) => void): number {
  const total: Played = { packets: 0, frames: 0, answers: 0, text: 0, drops: new Map(), damage: null };
  let captures = 0;
  let damaged = 0;
  let failures = 0;
  for (const path of filesOf(folder)) {
    const file = readFileSync(path);
    if (!isCapture(file)) continue;
    captures++;
    const at = { packet: 0, frame: new Uint8Array(0) };
    try {
      const played = play(file, at);
      if (played.damage !== null) damaged++;
      total.packets += played.packets;
      total.frames += played.frames;
      total.answers += played.answers;
      total.text += played.text;
      for (const [reason, n] of played.drops) total.drops.set(reason, (total.drops.get(reason) ?? 0) + n);
    } catch (error) {
      failures++;
      print(`${relative(folder, path)}, packet ${at.packet}: ${error instanceof Error ? error.stack : String(error)}`);
      print(`  frame ${Buffer.from(at.frame).toString('hex')}`);
    }
  }
  const drops = [...total.drops].sort(([, a], [, b]) => b - a);
  print(`${captures} captures, ${damaged} of them damaged; ${total.packets} packets, ${total.frames} frames, ${total.answers} answers, ${total.text} bytes of text taken`);
  print(`${drops.reduce((sum, [, n]) => sum + n, 0)} drops for ${drops.length} reasons: ${drops.map(([reason, n]) => `${reason} ${n}`).join(', ')}`);
  print(`${failures} failures`);
  return failures === 0 && captures > 0 ? 0 : 1;
}
