// One transfer over a bad line: a process that holds both of the line's devices and does to what passes what a bad network
// does, and a process at each end. Each of the three is in a network namespace of its own, which vanishes with it.

import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';

import type { Device } from '../../src/link/device.js';
import { PcapWriter, tap } from '../../src/link/pcap.js';
import { openTun } from '../../src/node.js';
import type { Impairments, Tally } from '../../src/testing/impairment.js';
import { Child } from '../bench/child.js';
import { FaultLink } from './fault-link.js';
import type { Algorithm, EndSpec, Family, Received, Sent } from './kernel-end.js';

export interface LineSpec {
  readonly sender: EndSpec['host'];
  readonly receiver: EndSpec['host'];
  readonly family: Family;
  readonly algorithm: Algorithm;
  readonly bytes: number;
  readonly impairments: Impairments;
  readonly seed: number;
  /** A file for what the sender's end of the line sees; empty: none. */
  readonly pcap: string;
}

export interface LineResult {
  readonly received: Received;
  readonly sent: Sent;
  /** Of the line, towards the receiver and back. */
  readonly tallies: readonly [Tally, Tally];
  /** Packets that the kernel did not take from the line. */
  readonly refused: number;
}

/** Packets that may wait for the line's process to read them: never what is measured. */
const WAITING_MAX = 10_000;

/** Perform the transfer, and print a line of JSON. Run in a namespace of its own. */
export async function runLine(spec: LineSpec): Promise<void> {
  const tuns = ['there', 'back'].map((name) => openTun({ name, offload: false, txQueueLength: WAITING_MAX }));
  const { sender, receiver, family, algorithm, bytes } = spec;
  const ends = [sender, receiver].map((host, index) => endOf({ host, index: index as 0 | 1, family, algorithm, bytes }));
  for (const [i, end] of ends.entries()) {
    const { pid } = JSON.parse(await end.line()) as { pid: number };
    execFileSync('ip', ['link', 'set', tuns[i]!.name, 'netns', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  const capture = spec.pcap === '' ? null : new Capture(spec.pcap);
  const link = new FaultLink(capture?.of(tuns[0]!) ?? tuns[0]!, tuns[1]!, spec.impairments, spec.seed);
  for (const [i, end] of ends.entries()) await end.ask(`join ${tuns[i]!.name}`);
  await ends[1]!.ask('receive');
  const [sent, received] = await Promise.all([ends[0]!.ask('send', NO_LIMIT), awaitReceived(ends[1]!)]);
  const refused = tuns.reduce((sum, tun) => sum + tun.refused.full + tun.refused.invalid + tun.refused.down, 0);
  const result: LineResult = { received, sent: JSON.parse(sent) as Sent, tallies: link.tallies, refused };
  for (const end of ends) await end.end();
  for (const tun of tuns) tun.close();
  await capture?.close();
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}

/** The receiver tells that it goes on: it is who must not be silent. */
const NO_LIMIT = 2 ** 31 - 1;

async function awaitReceived(end: Child): Promise<Received> {
  for (;;) {
    const told = JSON.parse(await end.line()) as Received;
    process.stdout.write(`${JSON.stringify({ progress: told.bytes })}\n`);
    if ('hash' in told) return told;
  }
}

function endOf(spec: EndSpec): Child {
  return new Child(['unshare', '-n', process.execPath, process.argv[1]!, 'kernel-end', JSON.stringify(spec)]);
}

class Capture {
  private readonly file;
  private readonly writer: PcapWriter;

  constructor(path: string) {
    this.file = createWriteStream(path);
    this.writer = new PcapWriter((bytes) => this.file.write(bytes), { epochMs: performance.timeOrigin, snapLength: 120 });
  }

  of(device: Device): Device {
    return tap(device, this.writer, () => performance.now());
  }

  async close(): Promise<void> {
    this.file.end();
    await once(this.file, 'close');
  }
}
