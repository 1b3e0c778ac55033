// Streams and ports that carry one packet per chunk, as devices.

import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';

import { fromHex, hex } from '../../../../src/bytes.js';
import type { NetError } from '../../../../src/errors.js';
import type { FrameSink } from '../../../../src/link/device.js';
import { type PacketStream, portDevice, streamDevice } from '../../../../src/link/node/stream.js';
import { type Packet, packetOf, PacketPool } from '../../../../src/packet.js';

class Inbox implements FrameSink {
  readonly heard: string[] = [];
  readonly starts: number[] = [];
  readonly lostWith: NetError[] = [];
  batches = 0;

  receive(packet: Packet): void {
    this.heard.push(hex(packet.bytes, packet.start, packet.end));
    this.starts.push(packet.start);
    packet.release();
  }

  batchEnd(): void {
    this.batches++;
  }

  lost(error: NetError): void {
    this.lostWith.push(error);
  }
}

/** A stream whose far end is the test: what is written is kept, and written when the test says so. */
class Hose extends EventEmitter implements PacketStream {
  readonly written: string[] = [];
  readonly waiting: (() => void)[] = [];
  destroyed = 0;

  write(chunk: Uint8Array, _encoding: undefined, done: () => void): boolean {
    this.written.push(hex(chunk));
    this.waiting.push(done);
    return false;
  }

  destroy(): void {
    this.destroyed++;
    this.emit('close');
  }
}

/** The object of the package tuntap2: it calls itself by name, and its `write` minds the callback only as third argument. */
class LikeTuntap2 extends Hose {
  readonly name = 'tap7';
  readonly mtu = 1400;
  readonly isTap = true;
  readonly mac = '00:11:22:33:44:55';
}

const IPV4 = '450000140000000040fd00000a0000010a000002';
const IPV6 = `6000000000003b40${'fd'.repeat(32)}`;
const packet = (text: string): Packet => packetOf(fromHex(text));

describe('a stream of packets', () => {
  test('gives what arrives, a chunk a packet, and takes what is sent', () => {
    const hose = new Hose();
    const device = streamDevice(hose);
    const inbox = new Inbox();
    device.attach(inbox);
    hose.emit('data', fromHex(IPV4));
    hose.emit('data', fromHex(IPV6).buffer);
    expect(inbox.heard).toEqual([IPV4, IPV6]);
    expect(inbox.batches).toBe(2);
    expect(device.transmit(packet(IPV6))).toBe(true);
    expect(hose.written).toEqual([IPV6]);
  });

  test('is an IP device of 1500 bytes unless it, or the caller, says otherwise', () => {
    expect(streamDevice(new Hose())).toMatchObject({ name: 'stream0', medium: 'ip', mtu: 1500, linkAddress: null });
    const tap = streamDevice(new LikeTuntap2());
    expect(tap).toMatchObject({ name: 'tap7', medium: 'ethernet', mtu: 1400 });
    // The far end's address is the far end's.
    expect(hex(tap.linkAddress!)).not.toBe('001122334455');
    expect(tap.linkAddress![0]! & 3).toBe(2);
    expect(streamDevice(new LikeTuntap2(), { name: 'a', medium: 'ip', mtu: 1280 })).toMatchObject({ name: 'a', medium: 'ip', mtu: 1280 });
  });

  test('puts the IP header on a 4-byte boundary on either medium', () => {
    for (const [stream, header] of [[new Hose(), 0], [new LikeTuntap2(), 14]] as const) {
      const inbox = new Inbox();
      streamDevice(stream).attach(inbox);
      stream.emit('data', fromHex(IPV4));
      expect((inbox.starts[0]! + header) % 4).toBe(0);
    }
  });

  test('keeps a packet until it is written, though its memory is used again', () => {
    const hose = new Hose();
    const pool = new PacketPool();
    const device = streamDevice(hose, { pool });
    const first = pool.take(2);
    first.bytes.set([1, 2], first.start);
    first.end = first.start + 2;
    let chunk: Uint8Array = new Uint8Array(0);
    hose.write = (bytes) => {
      chunk = bytes;
      return true;
    };
    device.transmit(first);
    expect(pool.outstanding).toBe(0);
    first.bytes.fill(9);
    expect(chunk).toEqual(Uint8Array.of(1, 2));
  });

  test('refuses what is more than its queue holds, until something is written', () => {
    const hose = new Hose();
    const device = streamDevice(hose, { txQueueLength: 3 });
    expect([1, 2, 3, 4].map(() => device.transmit(packet(IPV4)))).toEqual([true, true, true, false]);
    hose.waiting[0]!();
    expect([1, 2].map(() => device.transmit(packet(IPV4)))).toEqual([true, false]);
    expect(hose.written).toHaveLength(4);
  });

  test('counts what is no packet, and hands none of it on', () => {
    const hose = new Hose();
    const device = streamDevice(hose);
    const inbox = new Inbox();
    device.attach(inbox);
    for (const chunk of ['text', null, 7, new Uint8Array(0), new Uint8Array(65_554)]) hose.emit('data', chunk);
    expect(device.malformed).toBe(5);
    expect(inbox.heard).toEqual([]);
    hose.emit('data', new Uint8Array(65_553));
    expect(inbox.heard).toHaveLength(1);
  });

  test('releases whatever it was given', () => {
    const pool = new PacketPool();
    const device = streamDevice(new Hose(), { pool, txQueueLength: 1 });
    for (let i = 0; i < 3; i++) device.transmit(pool.take(100));
    device.close();
    device.transmit(pool.take(100));
    expect(pool.outstanding).toBe(0);
  });
});

// Documentation/networking/tuntap.rst, 3.2: flags and protocol, two bytes each, protocol in network order.
describe('packet information', () => {
  test('is taken off what arrives and put before what is sent', () => {
    const hose = new Hose();
    const device = streamDevice(hose, { packetInformation: true });
    const inbox = new Inbox();
    device.attach(inbox);
    hose.emit('data', fromHex(`00000800${IPV4}`));
    expect(inbox.heard).toEqual([IPV4]);
    device.transmit(packet(IPV4));
    device.transmit(packet(IPV6));
    expect(hose.written).toEqual([`00000800${IPV4}`, `000086dd${IPV6}`]);
  });

  test('names the ether type of a frame', () => {
    const hose = new Hose();
    const frame = `ffffffffffff0200000000010806${'00'.repeat(28)}`;
    streamDevice(hose, { packetInformation: true, medium: 'ethernet' }).transmit(packet(frame));
    expect(hose.written).toEqual([`00000806${frame}`]);
  });

  test('says when a packet was cut short, or is alone: then there is none', () => {
    const hose = new Hose();
    const device = streamDevice(hose, { packetInformation: true });
    const inbox = new Inbox();
    device.attach(inbox);
    for (const chunk of [`01000800${IPV4}`, `00010800${IPV4}`, '00000800', '0000']) hose.emit('data', fromHex(chunk));
    expect(device.malformed).toBe(4);
    expect(inbox.heard).toEqual([]);
  });
});

describe('the end', () => {
  test.each([
    ['end', undefined, 'ENETDOWN', 'read ENETDOWN: the stream ended'],
    ['close', undefined, 'ENETDOWN', 'read ENETDOWN: the stream was closed'],
    ['error', Object.assign(new Error('it broke'), { code: 'ECONNRESET' }), 'ECONNRESET', 'read ECONNRESET: it broke'],
    ['error', Object.assign(new Error('odd'), { code: 'toString' }), 'EIO', 'read EIO: odd'],
  ])('of a stream by %s is told once', (event, argument, code, message) => {
    const hose = new Hose();
    const device = streamDevice(hose);
    const inbox = new Inbox();
    device.attach(inbox);
    hose.emit(event, argument);
    hose.emit('end');
    hose.emit('error', new Error('again'));
    hose.emit('data', fromHex(IPV4));
    expect(inbox.lostWith.map((error) => [error.code, error.message])).toEqual([[code, message]]);
    expect(inbox.heard).toEqual([]);
    expect(hose.destroyed).toBe(1);
    expect(device.transmit(packet(IPV4))).toBe(false);
  });

  test('that we make ourselves is no loss', () => {
    const hose = new Hose();
    const device = streamDevice(hose);
    const inbox = new Inbox();
    device.attach(inbox);
    device.close();
    device.close();
    hose.emit('error', new Error('late'));
    expect(inbox.lostWith).toEqual([]);
    expect(hose.destroyed).toBe(1);
    expect(device.transmit(packet(IPV4))).toBe(false);
  });
});

describe('what platforms have', () => {
  test("Node's Duplex keeps packets apart, and its errors are the device's", async () => {
    const written: string[] = [];
    const duplex = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written.push(hex(chunk));
        setImmediate(done);
      },
    });
    // Before anybody reads: these wait in one buffer.
    duplex.push(fromHex(IPV4));
    duplex.push(fromHex(IPV6));
    const inbox = new Inbox();
    const device = streamDevice(duplex);
    device.attach(inbox);
    for (const text of [IPV4, IPV6, IPV4]) device.transmit(packet(text));
    while (inbox.heard.length < 2 || written.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(inbox.heard).toEqual([IPV4, IPV6]);
    expect(written).toEqual([IPV4, IPV6, IPV4]);
    duplex.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(inbox.lostWith.map((error) => error.code)).toEqual(['EPIPE']);
  });

  test('a MessageChannel joins two devices, and its end is both ends\'', async () => {
    const { port1, port2 } = new MessageChannel();
    const [a, b] = [portDevice(port1), portDevice(port2, { name: 'b', mtu: 9000 })];
    const [atA, atB] = [new Inbox(), new Inbox()];
    a.attach(atA);
    b.attach(atB);
    expect(b).toMatchObject({ name: 'b', mtu: 9000, medium: 'ip' });
    a.transmit(packet(IPV4));
    a.transmit(packet(IPV6));
    b.transmit(packet(IPV6));
    while (atB.heard.length < 2 || atA.heard.length < 1) await new Promise((resolve) => setImmediate(resolve));
    expect(atB.heard).toEqual([IPV4, IPV6]);
    expect(atA.heard).toEqual([IPV6]);
    a.close();
    while (atB.lostWith.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(atB.lostWith[0]!.message).toBe('read ENETDOWN: the port was closed');
    expect(atA.lostWith).toEqual([]);
  });
});
