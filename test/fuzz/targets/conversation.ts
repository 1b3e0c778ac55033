// F7: two stacks over an impaired wire: loss, copies, overtaking, damage, delay, a smaller MTU, middleboxes. Streams are equal
// both ways, both sides close, and nothing is left.

import { linkPlan } from '../../../src/arbitraries.js';
import type { Stack } from '../../../src/stack.js';
import type { Connection } from '../../../src/tcp/connection.js';
import { Conversation, type Party, type Plan } from '../../../src/testing/conversation.js';
import { Choices } from '../harness/choices.js';
import { ensure, Finding } from '../harness/failure.js';
import { Invariants } from '../harness/invariants.js';
import { readOurs } from '../harness/on-the-wire.js';

const links = linkPlan({ losses: [0.01, 0.05, 0.15] });

function partyOf(choices: Choices, endsFirst: boolean): Party {
  return {
    writes: Array.from({ length: choices.below(4) }, () => 1 + choices.below(choices.of(20, 1500, 8000, 30_000))),
    writePause: choices.of(0, 0, 10, 300), readPause: choices.of(0, 0, 20, 200), readMax: choices.of(100_000, 5000, 700), endsFirst,
    noDelay: choices.oneIn(2), sendBuffer: choices.of(1 << 20, 30_000, 3000, 300), receiveBuffer: choices.of(4 << 20, 100_000, 20_000, 2000, 300),
    // Both wraps: that of 32 bits, and that of int32, in which they are kept.
    issBeforeWrap: choices.of(0, 1, 1000, 20_000, 0x8000_0001, 0x8000_1000, 0x8000_4000), options: { congestion: choices.of('cubic', 'new-reno', 'bbr') },
  };
}

/** A small buffer makes many small steps of a large text. */
function fitting(from: Party, to: Party): Party {
  const most = 10 * Math.min(from.sendBuffer, to.receiveBuffer, to.readMax);
  return { ...from, writes: from.writes.map((bytes) => Math.min(bytes, most)) };
}

export function planOf(choices: Choices): Plan {
  const family = choices.of(4, 6);
  const offload = choices.oneIn(4);
  const [clientFirst, serverFirst] = choices.of([true, true], [true, false], [false, true]);
  const client = partyOf(choices, clientFirst);
  const server = partyOf(choices, serverFirst);
  return {
    seed: choices.i32(), family, offload, mtu: choices.of(1500, 1280, 9000), simultaneous: choices.oneIn(6), link: choices.draw(links),
    ...(!offload && choices.oneIn(2) && { middlebox: { split: choices.of(0, 0.1, 0.5), merge: choices.of(0, 0.2, 0.7), holdMs: 1, shrink: choices.of(0, 0.4), strip: [] } }),
    ...(!offload && choices.oneIn(5) && { mtuDrop: { pathMtu: family === 4 ? 1000 : 1280, tooBig: 'icmp' as const, fromMs: choices.of(0, 5, 100), forMs: 5000 } }),
    client: fitting(client, server), server: fitting(server, client),
  };
}

const watched = new WeakSet<Connection>();

/** I12: the application is told in polls, and never while it is being told. */
function onlyInPolls(c: Connection, stack: Stack): void {
  if (watched.has(c) || c.owner === null) return;
  watched.add(c);
  const { owner } = c;
  const poll = stack.poll.bind(stack);
  let isPolling = false;
  stack.poll = (now) => {
    isPolling = true;
    poll(now);
    isPolling = false;
  };
  c.owner = {
    onTcpEvent: (each, events) => {
      ensure(isPolling, 'I12: called back in the middle of a call');
      isPolling = false;
      owner.onTcpEvent(each, events);
      isPolling = true;
    },
  };
}

/** Its trace hash: for F14. */
export function runConversation(data: Uint8Array): string {
  const world = new Conversation(planOf(new Choices(data)));
  const { tap } = world.sim;
  let at = -1;
  let atOnce = 0;
  const invariants = world.sim.hosts.map(({ stack }) => new Invariants(stack));
  const step = world.sim.step.bind(world.sim);
  world.sim.step = () => {
    step();
    for (const each of invariants) each.check();
    for (const { connection, stack } of world.speakers) if (connection !== null) onlyInPolls(connection, stack);
  };
  world.sim.tap = (from, packet, fate) => {
    tap?.(from, packet, fate);
    // I7, where the device hands on what a wire carries; damage comes before the tap.
    if (!world.plan.offload && (world.plan.link.corrupt ?? 0) === 0) {
      const seen = readOurs(packet.bytes.slice(packet.start, packet.end), world.plan.mtu);
      invariants[from.name.endsWith('.0') ? 0 : 1]!.sent(seen, world.sim.now);
    }
    // I9: a storm, at one instant.
    atOnce = world.sim.now === at ? atOnce + 1 : 0;
    at = world.sim.now;
    ensure(atOnce < 20_000, 'I9: a storm of packets');
  };
  try {
    world.run();
  } catch (error) {
    throw error instanceof Finding ? error : new Finding(`F7: ${world.report((error as Error).message)}`);
  }
  return world.sim.traceHash;
}

export const conversation = (data: Uint8Array): void => void runConversation(data);
