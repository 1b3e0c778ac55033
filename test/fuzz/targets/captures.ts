// F13: a capture is read and one side of it played into a stack. The stack takes whatever once was on some wire.

import { encodePacket, ipPackets } from '../../../src/arbitraries.js';
import { PcapWriter } from '../../../src/link/pcap.js';
import { readPcap } from '../../../src/link/pcap-reader.js';
import { packetOf } from '../../../src/packet.js';
import { Bench, OURS, PEERS } from '../harness/bench.js';
import { Choices } from '../harness/choices.js';
import { ensure } from '../harness/failure.js';

const rows = ipPackets({ maxLength: 12, payloadMax: 100 });

export function captures(data: Uint8Array): void {
  const choices = new Choices(data);
  const chunks: number[] = [];
  const writer = new PcapWriter((bytes) => chunks.push(...bytes));
  const index = writer.addInterface('wire', 'ip', 1500);
  let at = 0;
  for (const packet of choices.draw(rows)) {
    const family = packet.kind === 'ipv4' ? 4 : 6;
    const ours = choices.oneIn(4) ? packet : { ...packet, source: PEERS[family], destination: OURS[family] };
    at += choices.of(0, 1, 100, 5000);
    writer.packet(index, packetOf(encodePacket(ours)), at, 'in');
  }
  const file = Uint8Array.from(chunks);
  // The file itself may be damaged, too.
  const isDamaged = choices.oneIn(3);
  if (isDamaged) for (let i = choices.below(4); i >= 0; i--) file[choices.below(file.length)] = choices.u8();
  const bench = new Bench({ tcp: { timeWaitMs: 1000 } });
  const listener = bench.stack.tcp.listen({ port: 80 });
  let packets = 0;
  for (const { bytes } of readPcap(file)) {
    if (++packets > 100) break;
    bench.receive(Uint8Array.from(bytes));
    bench.advance(choices.of(0, 1, 1000));
  }
  for (let c = listener.accept(); c !== null; c = listener.accept()) c.close();
  listener.close();
  bench.sleep();
  ensure(bench.stack.tcp.connectionCount === 0 && bench.stack.pool.outstanding === 0, 'F13: something is left');
}
