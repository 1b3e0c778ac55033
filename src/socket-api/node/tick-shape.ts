// V8 remembers the shape of what `process.nextTick` makes, and forgets it when a few collections in a row have found no such
// object alive. The shape that it meets next is then a second one to it, and from there on every call takes the way through
// its runtime: measured on Node 20, 22 and 24, some ten times as long, until the process ends. An application that is idle between
// collections can fall into that on any sockets, and did on ours. So one object is kept.

import { createHook } from 'node:async_hooks';
import process from 'node:process';

let kept: object | null = null;

/** Keep one. @returns  what a tick is to the rest of Node: the resource that its callback runs for */
export function keepTick(): object {
  return (kept ??= takeTick());
}

function takeTick(): object {
  const ticks: object[] = [];
  const hook = createHook({ init: (_id, _type, _trigger, resource) => ticks.push(resource) });
  hook.enable();
  process.nextTick(nothing);
  hook.disable();
  return ticks[0]!;
}

function nothing(): void {}
