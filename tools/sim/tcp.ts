// `npm run sim -- tcp`: TCP on bad networks, as a table and as claims. What is printed depends on the seed alone; what this
// machine took goes to stderr.

import { badLine, blackout, CONTROLLERS, type Controller, firstShare, goodput, goodputReordered, hour } from './scenarios.js';

export const LOSSES = [0, 0.001, 0.01, 0.03, 0.1];
export const RTTS_MS = [10, 100, 300];
const JITTERS_MS = [10, 50, 100, 200];
/**
 * Two flows: round trips, how long they may take to settle, and how long is measured. At 300 ms BBR is not claimed: it probes every
 * 2 to 3 s, eight round trips, both after the same ProbeRTT (README, "Honest limits").
 */
const FAIR = [
  { rttMs: 10, settleMs: 70_000, ms: 120_000, controllers: CONTROLLERS },
  { rttMs: 50, settleMs: 70_000, ms: 120_000, controllers: CONTROLLERS },
  { rttMs: 100, settleMs: 70_000, ms: 120_000, controllers: CONTROLLERS },
  { rttMs: 300, settleMs: 120_000, ms: 240_000, controllers: ['cubic', 'new-reno'] },
] as const;
const FAIR_SEEDS = 5;
/** Of the bad line's median. */
const BAD_LINE_SHARE = 0.8;

export interface TcpSimOptions {
  readonly seed: number;
  readonly quick: boolean;
}

/** What is claimed, what was measured, and whether it is so. */
export interface Claim {
  readonly claim: string;
  readonly measured: string;
  readonly ok: boolean;
}

export interface Cell {
  readonly congestion: Controller;
  readonly loss: number;
  readonly rttMs: number;
  readonly share: number;
}

/** The whole program: 0 if every claim holds. */
export function runTcp(options: TcpSimOptions, print: (line: string) => void): number {
  const seconds = options.quick ? 15 : 60;
  print(`seed ${options.seed}: 10 Mb/s, a queue of one bandwidth-delay product, ${seconds} s of virtual time for each figure\n`);
  const cells = measureTable(options.seed, seconds * 1000);
  print(`${table(cells)}\n`);
  let failed = 0;
  let passed = 0;
  for (const { claim, measured, ok } of claims(options, cells, seconds * 1000)) {
    if (ok) passed++;
    else failed++;
    print(`${ok ? 'ok    ' : 'failed'}  ${claim}: ${measured}`);
  }
  print(`\n${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

export function measureTable(seed: number, ms: number, losses = LOSSES, rtts = RTTS_MS): Cell[] {
  return losses.flatMap((loss) => CONTROLLERS.flatMap((congestion) => rtts.map((rttMs) =>
    ({ congestion, loss, rttMs, share: goodput(seed, congestion, loss, rttMs, ms) }))));
}

/** Goodput in hundredths of the link: a row for each loss, a column for each controller and round trip. */
export function table(cells: readonly Cell[]): string {
  const rtts = [...new Set(cells.map((cell) => cell.rttMs))];
  const wide = rtts.length * 8;
  const head = CONTROLLERS.map((name) => name.padStart(wide)).join('  ');
  const times = CONTROLLERS.map(() => rtts.map((ms) => `${ms} ms`.padStart(8)).join('')).join('  ');
  const rows = [...new Set(cells.map((cell) => cell.loss))].map((loss) => {
    const groups = CONTROLLERS.map((name) => cells.filter((cell) => cell.loss === loss && cell.congestion === name));
    return percent(loss, 1).padStart(8) + groups.map((group) => group.map((cell) => percent(cell.share, 1).padStart(8)).join('')).join('  ');
  });
  return [`    loss${head}`, `        ${times}`, ...rows].join('\n');
}

const percent = (part: number, digits = 0): string => `${(part * 100).toFixed(digits)} %`;
const seconds = (ms: number, digits = 2): string => `${(ms / 1000).toFixed(digits)} s`;

function* claims(options: TcpSimOptions, cells: readonly Cell[], ms: number): Generator<Claim> {
  for (const congestion of CONTROLLERS) yield* aboutGoodput(congestion, cells, ms);
  yield* aboutReordering(options.seed, ms);
  yield aboutBadLine(options.seed, ms);
  yield* aboutFairness(options);
  for (const congestion of CONTROLLERS) yield aboutBlackout(options.seed, congestion);
  yield* aboutTime(options);
}

function* aboutGoodput(congestion: Controller, cells: readonly Cell[], ms: number): Generator<Claim> {
  const ours = cells.filter((cell) => cell.congestion === congestion);
  // 1448 of 1500 bytes are text; the first round trips are spent on finding the rate: log2 of the window, and a few.
  const least = (cell: Cell): number => 0.9 * (1 - 12 * cell.rttMs / ms);
  const clean = ours.filter((cell) => cell.loss === 0);
  yield {
    claim: `${congestion} without loss has 90 % of the link, less a dozen round trips`,
    measured: clean.map((cell) => percent(cell.share, 1)).join(', '), ok: clean.every((cell) => cell.share >= least(cell)),
  };
  if (congestion === 'bbr') {
    const lossy = ours.filter((cell) => cell.loss > 0 && cell.loss <= 0.01);
    yield {
      claim: 'bbr at 0.1 % and 1 % has 90 % of the link, less what is lost and a dozen round trips',
      measured: lossy.map((cell) => percent(cell.share, 1)).join(', '),
      ok: lossy.every((cell) => cell.share >= least(cell) * (1 - cell.loss)),
    };
    return;
  }
  const lossy = ours.filter((cell) => cell.loss > 0 && cell.loss <= 0.03);
  const ratios = lossy.map((cell) => cell.share / Math.min(least(cell), macroscopic(cell)));
  yield {
    claim: `${congestion} at 0.1 % to 3 % has at least half of what RFC 9438 §5.1's response function gives to Reno`,
    measured: `${Math.min(...ratios).toFixed(2)} times it, or more`, ok: ratios.every((ratio) => ratio >= 0.5),
  };
}

/** RFC 9438 §5.1: the average window of Reno is sqrt(3/2) / sqrt(p) segments. With an ACK for every second, sqrt(3/4). */
function macroscopic({ loss, rttMs }: Cell): number {
  return Math.sqrt(0.75 / loss) * 1448 / rttMs / 1250;
}

function* aboutReordering(seed: number, ms: number): Generator<Claim> {
  const undisturbed = goodputReordered(seed, 'cubic', 0, ms);
  for (const jitterMs of JITTERS_MS) {
    const cost = undisturbed - goodputReordered(seed, 'cubic', jitterMs, ms);
    yield {
      claim: `packets overtaking each other by up to ${jitterMs} ms cost cubic at most 10 % of the link after slow start`,
      measured: percent(cost, 1), ok: cost <= 0.1,
    };
  }
}

/** Where chance loses 2 %, as much as is congestion for BBR, packets overtake each other, and some come twice. */
function aboutBadLine(seed: number, ms: number): Claim {
  const shares = [0, 1, 2, 3, 4].map((n) => badLine(seed + n, 'bbr', ms / 4)).toSorted((x, y) => x - y);
  return {
    claim: `bbr has ${percent(BAD_LINE_SHARE)} of 50 Mb/s, 20 ms away, where each way loses 2 %, holds back 2 % by 5 ms and doubles 1 %`,
    measured: `${percent(shares[2]!, 1)} by five seeds, ${percent(shares[0]!, 1)} to ${percent(shares[4]!, 1)}`, ok: shares[2]! >= BAD_LINE_SHARE,
  };
}

function* aboutFairness({ seed, quick }: TcpSimOptions): Generator<Claim> {
  for (const { rttMs, settleMs, ms, controllers } of quick ? FAIR.slice(0, 1) : FAIR) {
    for (const congestion of controllers) {
      const seeds = Array.from({ length: quick ? 1 : FAIR_SEEDS }, (_, n) => seed + n);
      const shares = seeds.map((each) => firstShare(each, congestion, ms, rttMs, settleMs));
      yield {
        claim: `two equal flows of ${congestion}, ${rttMs} ms away, share within 60:40 over ${ms / 60_000} min, ${seconds(settleMs, 0)} after they began`,
        measured: `${shares.map((share) => percent(share)).join(', ')} by seed`, ok: shares.every((share) => share <= 0.6 && share >= 0.4),
      };
    }
  }
}

function aboutBlackout(seed: number, congestion: Controller): Claim {
  const { stepMs, growth, afterMs, share } = blackout(seed, congestion, 50);
  // RFC 6298 (5.5): the next try comes twice the latest step after it, at most; then a round trip.
  const ok = growth <= 2.05 && afterMs <= 2 * stepMs + 100 && share >= 0.5;
  return {
    claim: `after 60 s of blackout ${congestion} resumes within one step of the RTO's back-off, and then has half of the link for 10 s`,
    measured: `after ${seconds(afterMs)}, last step ${seconds(stepMs)}, growth ${growth.toFixed(2)}, then ${percent(share, 1)}`, ok,
  };
}

function* aboutTime({ seed, quick }: TcpSimOptions): Generator<Claim> {
  const virtualMs = quick ? 360_000 : 3_600_000;
  const [began, before] = [performance.now(), process.cpuUsage()];
  const { packets, traceHash } = hour(seed, 'cubic', virtualMs);
  const spent = process.cpuUsage(before);
  // What others have of this machine meanwhile is not ours.
  const tookMs = (spent.user + spent.system) / 1000;
  const perSecond = packets / tookMs * 1000;
  const wall = seconds(performance.now() - began);
  process.stderr.write(`${virtualMs / 60_000} virtual minutes: ${wall}, ${seconds(tookMs)} of them of a core; ${Math.round(perSecond)} packets a second of it\n`);
  const name = quick ? 'six minutes of virtual time take at most 6 s of a core' : 'an hour of virtual time takes at most 60 s of a core';
  yield { claim: name, measured: `${packets} packets, trace ${traceHash}`, ok: tookMs <= virtualMs / 60 };
  yield { claim: 'at least 100,000 packets in a second of a core', measured: 'as stderr says', ok: perSecond >= 100_000 };
  const again = [hour(seed, 'cubic', 20_000), hour(seed, 'cubic', 20_000)].map((run) => run.traceHash);
  yield { claim: 'the same seed gives the same run, packet for packet', measured: again.join(' and '), ok: again[0] === again[1] };
}
