// F10: the arithmetic that all else trusts, against big numbers and brute force: sequence numbers, RTO, routes, ports, timers.

import { Address } from '../../../src/address.js';
import { finish, sumBytes, sumLanes } from '../../../src/checksum.js';
import { EphemeralPorts } from '../../../src/ip/ephemeral-ports.js';
import { Interface } from '../../../src/ip/interface.js';
import { RouteTable } from '../../../src/ip/routes.js';
import { LimitRegistry } from '../../../src/limits.js';
import { SeededRandom } from '../../../src/random.js';
import { RTO_MAX_MS, RtoEstimator } from '../../../src/tcp/rto.js';
import { isAcceptable } from '../../../src/tcp/segment.js';
import * as Seq from '../../../src/tcp/seq.js';
import { NEVER } from '../../../src/time.js';
import { TimerEntry, TimerWheel } from '../../../src/timer-wheel.js';
import { Wire } from '../../fixtures/ip-bench.js';
import { Choices } from '../harness/choices.js';
import { ensure, same } from '../harness/failure.js';

export function arithmetic(data: Uint8Array): void {
  const choices = new Choices(data);
  const part = choices.below(6);
  for (let steps = 0; steps < 40 && !choices.isOver; steps++) {
    if (part === 0) sequence(choices);
    else if (part === 1) rto(choices);
    else if (part === 2) routes(choices);
    else if (part === 3) ports(choices);
    else if (part === 4) timers(choices);
    else checksum(choices);
  }
}

const CIRCLE = 1n << 32n;
const round = (n: bigint): bigint => ((n % CIRCLE) + CIRCLE) % CIRCLE;

function sequence(choices: Choices): void {
  const b = Seq.seq(choices.of(choices.i32(), 0, -1, 0x7fff_ffff));
  const by = choices.of(choices.below(4000), 0, 1, 0x3fff_ffff, choices.below(0x7fff_ffff));
  const a = Seq.add(b, by);
  same(round(BigInt(a)), round(BigInt(b) + BigInt(by)), 'F10: Seq.add');
  same(Seq.diff(a, b), by, 'F10: Seq.diff');
  same([Seq.lt(b, a), Seq.le(b, a), Seq.gt(b, a), Seq.ge(b, a)], [by > 0, true, false, by === 0], `F10: order of ${b} and ${a}`);
  same([Seq.max(a, b), Seq.min(a, b)], [a, b], 'F10: Seq.max and Seq.min');
  const size = choices.below(0x1_0000);
  const length = choices.of(0, 1, choices.below(50));
  const n = Seq.add(b, choices.of(0, size - 1, size, -1, -length, 1 - length));
  same(Seq.within(n, b, size), round(BigInt(n) - BigInt(b)) < BigInt(size), 'F10: Seq.within');
  // RFC 9293 §3.4, table 6, number by number.
  const covers = (at: bigint): boolean => round(at - BigInt(b)) < BigInt(size);
  const [first, last] = [BigInt(n), BigInt(n) + BigInt(length) - 1n];
  const expected = size === 0 ? length === 0 && n === b : length === 0 ? covers(first) : covers(first) || covers(last);
  same(isAcceptable(n, length, b, size), expected, `F10: acceptable: ${length} bytes at ${Seq.diff(n, b)} of a window of ${size}`);
}

/** RFC 6298, spelled out. */
function rto(choices: Choices): void {
  const estimator = new RtoEstimator();
  let srtt = 0;
  let rttvar = 0;
  let expected = 1000;
  let isMeasured = false;
  for (let i = 0; i < 20 && !choices.isOver; i++) {
    if (choices.oneIn(4)) {
      estimator.backOff();
      expected = Math.min(2 * expected, RTO_MAX_MS);
    } else {
      const rtt = choices.of(0, 1, choices.below(500), choices.below(60_000));
      estimator.sample(rtt, i);
      if (isMeasured) {
        rttvar = 0.75 * rttvar + 0.25 * Math.abs(srtt - rtt);
        srtt = 0.875 * srtt + 0.125 * rtt;
      } else {
        [srtt, rttvar, isMeasured] = [rtt, rtt / 2, true];
      }
      expected = Math.min(srtt + Math.max(200, 4 * rttvar), RTO_MAX_MS);
    }
    ensure(Math.abs(estimator.rtoMs - expected) < 1e-6 * expected, () => `F10: RTO is ${estimator.rtoMs}, not ${expected}`);
  }
}

const OWNER = { arrive: () => {}, undeliverable: () => {}, addressAdded: () => {}, addressRemoved: () => {}, changed: () => {} };
const INTERFACES = [2, 3].map((index) => new Interface(OWNER, index, `if${index}`, new Wire(`if${index}`)));

/** The longest prefix, found by looking at all of them, bit by bit. */
function routes(choices: Choices): void {
  const table = new RouteTable(new LimitRegistry());
  const rows: { bits: string; length: number; index: number }[] = [];
  const bits = (n: number): string => (n >>> 0).toString(2).padStart(32, '0');
  const near = (): number => (10 << 24) | ((choices.u8() & 0xc3) << 16) | (choices.u8() & 0x81);
  for (let i = 0; i < 8 && !choices.isOver; i++) {
    const destination = near();
    const length = choices.of(0, 8, 9, 10, 15, 16, 24, 31, 32);
    if (rows.some((row) => row.length === length && row.bits.slice(0, length) === bits(destination).slice(0, length))) continue;
    const which = choices.below(2);
    ensure(table.add({ destination: new Address(0, 0, 0xffff, destination), prefixLength: length, interface: INTERFACES[which]!, gateway: null }), 'F10: no room for a route');
    rows.push({ bits: bits(destination), length, index: which + 2 });
  }
  for (let i = 0; i < 5; i++) {
    const to = near();
    const best = rows.filter(({ bits: b, length }) => bits(to).slice(0, length) === b.slice(0, length)).sort((a, b) => b.length - a.length)[0];
    same(table.lookup(new Address(0, 0, 0xffff, to), 0)?.interface.index, best?.index, `F10: the route to ${bits(to)}`);
  }
}

function ports(choices: Choices): void {
  const few = new EphemeralPorts(new SeededRandom(choices.i32()), { first: 50_000, last: 50_000 + choices.below(20) });
  const taken = new Set<number>();
  const local = new Address(0, 0, 0xffff, 1);
  for (let i = 0; i < few.count + 2; i++) {
    const port = few.pick(local, choices.oneIn(2) ? null : new Address(0, 0, 0xffff, choices.u8()), 80, (p) => !taken.has(p));
    if (taken.size === few.count) {
      same(port, 0, 'F10: a port where all are taken');
      return;
    }
    ensure(port >= 50_000 && port < 50_000 + few.count && !taken.has(port), () => `F10: port ${port} of ${[...taken].join()}`);
    taken.add(port);
  }
}

/** Deadlines in a list that is looked through each time. */
function timers(choices: Choices): void {
  let now = choices.of(0, 0.75, -12_345.5, 2 ** 30 - 40);
  const wheel = new TimerWheel(now);
  const fired: number[] = [];
  const entries = Array.from({ length: 6 }, (_, i) => new TimerEntry({ expire: () => void fired.push(i) }));
  const armed = new Map<number, number>();
  for (let steps = 0; steps < 30 && !choices.isOver; steps++) {
    const i = choices.below(entries.length);
    switch (choices.below(4)) {
      case 0:
      case 1: {
        const deadline = now + choices.of(choices.below(70), choices.below(40) / 8, choices.below(40_000), 32 ** choices.below(6) + choices.below(7) - 3);
        wheel.schedule(entries[i]!, deadline);
        armed.set(i, deadline);
        break;
      }
      case 2:
        wheel.cancel(entries[i]!);
        armed.delete(i);
        break;
      default: {
        const next = wheel.nextTimeout();
        const earliest = Math.min(NEVER, ...armed.values());
        ensure(next <= Math.max(now, earliest), () => `F10: the wheel sleeps until ${next}, and ${earliest} is due`);
        now = Math.max(now, choices.oneIn(2) && next !== NEVER ? next : now + choices.below(5000));
        fired.length = 0;
        wheel.expire(now);
        const due = [...armed].filter(([, deadline]) => deadline <= now).map(([each]) => each);
        for (const each of due) armed.delete(each);
        const late = due.filter((each) => !fired.includes(each));
        ensure(late.length === 0, () => `F10: timers ${late.join()} did not fire at ${now}`);
        ensure(fired.length === new Set(fired).size && fired.every((each) => due.includes(each)), () => `F10: timers ${fired.join()} fired, ${due.join()} were due`);
      }
    }
    wheel.check();
  }
}

function checksum(choices: Choices): void {
  const memory = new ArrayBuffer(256);
  const b = new Uint8Array(memory);
  b.set(choices.bytes(choices.below(120)), 8);
  b.fill(choices.of(0, 0xff, 1), 100, 200);
  const at = choices.below(16);
  const end = at + choices.below(200);
  const even = [...b.subarray(at, end), ...((end - at) % 2 === 0 ? [] : [0])];
  let total = 0n;
  for (let i = 0; i < even.length; i += 2) total += BigInt(even[i]! * 256 + even[i + 1]!);
  const expected = Number(total % 0xffffn);
  for (const [name, sum] of [['bytes', sumBytes(b, at, end)], ['lanes', sumLanes(b, new Uint32Array(memory), at, end)]] as const) {
    same(sum % 0xffff, expected, `F10: the sum by ${name} of [${at}, ${end})`);
    ensure(finish(sum) >= 0 && finish(sum) <= 0xffff, 'F10: a checksum of more than 16 bits');
  }
}
