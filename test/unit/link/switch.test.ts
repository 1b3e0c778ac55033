// A switch by IEEE 802.1D-2004 §7: frames go where their receiver spoke last, to all others while nobody knows, and never back.

import { describe, expect, test } from 'vitest';

import type { Device, FrameSink } from '../../../src/link/device.js';
import { NO_OFFLOAD } from '../../../src/link/device.js';
import { Switch, type SwitchOptions } from '../../../src/link/switch.js';
import { type Packet, packetOf } from '../../../src/packet.js';

const MACS = { a: '020000000001', b: '020000000002', c: '020000000003', all: 'ffffffffffff', group: '01005e000001', bridges: '0180c2000000' } as const;
type Name = keyof typeof MACS;

/** The end of a cable that notes what it is sent; `shares`: one that takes frames which others are sent, too. */
class Cable implements Device {
  readonly name = 'cable';
  readonly medium = 'ethernet';
  readonly mtu = 1500;
  readonly linkAddress = null;
  readonly offload = NO_OFFLOAD;
  readonly got: string[] = [];
  readonly frames: Packet[] = [];
  isClosed = false;
  sink: FrameSink | null = null;
  readonly transmitShared?: (frame: Packet) => void;

  constructor(shares: boolean) {
    if (shares) this.transmitShared = (frame) => this.note(frame.hold());
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  transmit(frame: Packet): boolean {
    this.note(frame);
    return true;
  }

  close(): void {
    this.isClosed = true;
  }

  private note(frame: Packet): void {
    this.frames.push(frame);
    this.got.push(String.fromCharCode(frame.bytes[frame.start + 14]!));
  }
}

function bench(options: Partial<SwitchOptions> = {}, shares = false) {
  let now = 0;
  const bridge = new Switch({ clock: () => now, ...options });
  const cables = [0, 1, 2].map(() => new Cable(shares));
  const ports = cables.map((cable) => bridge.connect(cable));
  return {
    bridge, cables, ports,
    pass: (ms: number): void => { now += ms; },
    /** A frame with a letter in it comes in; who got it. */
    send: (at: number, from: Name, to: Name, letter = 'x'): number[] => {
      for (const cable of cables) cable.got.length = 0;
      const header = Buffer.from(`${MACS[to]}${MACS[from]}0800`, 'hex');
      const frame = packetOf(Uint8Array.from([...header, letter.charCodeAt(0), ...new Uint8Array(45)]));
      cables[at]!.sink!.receive(frame);
      return cables.flatMap(({ got }, i) => got.map(() => i));
    },
  };
}

describe('a switch', () => {
  test.each([false, true])('floods while it knows nobody, and then sends to one: shared frames %s', (shares) => {
    const { bridge, send } = bench({}, shares);
    expect(send(0, 'a', 'b')).toEqual([1, 2]);
    expect(send(1, 'b', 'a')).toEqual([0]);
    expect(send(0, 'a', 'b')).toEqual([1]);
    expect(send(2, 'c', 'c')).toEqual([]);
    expect(bridge.tally).toEqual({ received: 4, forwarded: 2, flooded: 1, filtered: 1 });
    expect(bridge.size).toBe(3);
  });

  test('sends to all but the sender what is for everybody, or for a group; to nobody what is the neighbour’s affair (§7.12.6)', () => {
    const { send } = bench();
    expect([send(0, 'a', 'all'), send(1, 'b', 'group'), send(0, 'a', 'bridges')]).toEqual([[1, 2], [0, 2], []]);
    // A group speaks to nobody, and is not learnt.
    expect([send(2, 'group', 'a'), send(0, 'a', 'group')]).toEqual([[], [1, 2]]);
  });

  test('learns anew who has moved (§7.8), and forgets who is silent for five minutes (§7.9.2)', () => {
    const { send, pass } = bench();
    send(0, 'a', 'all');
    send(2, 'a', 'all');
    expect(send(1, 'b', 'a')).toEqual([2]);
    pass(299_999);
    expect(send(1, 'b', 'a')).toEqual([2]);
    pass(1);
    expect(send(1, 'b', 'a')).toEqual([0, 2]);
  });

  test('with no room for more floods to those that it could not learn, and makes room of those that are old', () => {
    const { bridge, send, pass } = bench({ addresses: 1, ageingMs: 1000 });
    send(0, 'a', 'all');
    send(1, 'b', 'all');
    expect([send(2, 'c', 'a'), send(2, 'c', 'b'), bridge.size]).toEqual([[0], [0, 1], 1]);
    pass(1000);
    send(1, 'b', 'all');
    expect([send(2, 'c', 'b'), bridge.size]).toEqual([[1], 1]);
  });

  test('forgets a port whose cable is pulled, and lets go of its device', () => {
    const { bridge, send, ports, cables } = bench();
    send(0, 'a', 'all');
    bridge.disconnect(ports[0]!);
    expect([send(1, 'b', 'a'), cables[0]!.isClosed]).toEqual([[2], true]);
    cables[2]!.sink!.lost!(new Error('gone') as never);
    expect(send(1, 'b', 'a')).toEqual([]);
  });

  test('copies what it floods for each, or lets them share it: nobody’s is another’s by mistake', () => {
    const apart = bench();
    apart.send(0, 'a', 'all');
    const [one, other] = apart.cables.slice(1).map(({ frames }) => frames[0]!);
    one!.bytes[one!.start + 14] = 0;
    expect(String.fromCharCode(other!.bytes[other!.start + 14]!)).toBe('x');
    const together = bench({}, true);
    together.send(0, 'a', 'all');
    const [frame, same] = together.cables.slice(1).map(({ frames }) => frames[0]!);
    expect([frame === same, frame!.isShared]).toEqual([true, true]);
  });
});
