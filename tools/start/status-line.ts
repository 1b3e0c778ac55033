// One line that says what goes on, rewritten in place on a terminal, once in a while elsewhere.

import type { Stack } from '../../src/stack.js';

/** Starts showing; the result stops it. */
export function showStatus(stack: Stack): () => void {
  const isTerminal = process.stdout.isTTY === true;
  let before = snapshot(stack);
  let said = '';
  const timer = setInterval(() => {
    const now = snapshot(stack);
    const line = `in ${rate(now.rxBytes - before.rxBytes, now.at - before.at)}  out ${rate(now.txBytes - before.txBytes, now.at - before.at)}`
      + `  ${now.connections} connections  ${now.drops} drops`;
    before = now;
    if (isTerminal) process.stdout.write(`\r\x1b[K${line}`);
    else if (line !== said) console.log(line);
    said = line;
  }, isTerminal ? 500 : 5000);
  return () => {
    clearInterval(timer);
    if (isTerminal) process.stdout.write('\r\x1b[K');
  };
}

function snapshot(stack: Stack): { at: number; rxBytes: number; txBytes: number; connections: number; drops: number } {
  const { rxBytes, txBytes } = stack.counters;
  const drops = Object.values(stack.counters.dropped()).reduce((sum, n) => sum + n, 0);
  return { at: performance.now(), rxBytes, txBytes, connections: stack.tcp.connections.size, drops };
}

function rate(bytes: number, ms: number): string {
  const bits = (bytes * 8000) / ms;
  if (bits >= 1e9) return `${(bits / 1e9).toFixed(2)} Gb/s`;
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mb/s`;
  return `${(bits / 1e3).toFixed(0)} kb/s`;
}
