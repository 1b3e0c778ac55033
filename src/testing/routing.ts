// Routes that nobody had to think of: every machine knows, to every subnet, the way through the fewest routers. What is
// behind a NAT has no way in, over IPv4; its way out it has.

import { parseAddress } from '../address.js';
import { prefixOf } from './addressing.js';
import { NatHost } from './nat-host.js';
import type { Network } from './network.js';
import { type Attachment, type Host, SwitchNode } from './network-node.js';
import type { NetworkLink } from './network-link.js';

/** Links that are one subnet: those of a switch (and of the switches linked to it), or one alone. */
interface Segment {
  readonly prefixes: readonly string[];
  readonly members: { readonly host: Host; readonly at: Attachment }[];
}

export function installRoutes(network: Network): void {
  const segments = segmentsOf(network);
  for (const host of network.machines) host.forgetRoutes();
  for (const target of segments) {
    for (const text of target.prefixes) spread(segments, target, text);
  }
}

/** From the subnet outwards: who is on a segment that is reached, goes through the router by which it was. */
function spread(segments: readonly Segment[], target: Segment, prefix: string): void {
  const { family } = prefixOf(prefix).address;
  const reached = new Set([target]);
  let edge = [target];
  while (edge.length > 0) {
    const next: Segment[] = [];
    for (const segment of edge) {
      for (const { host, at } of segment.members) {
        if (!host.forwards || !leadsOut(host, at, family)) continue;
        for (const other of segments) {
          const there = other.members.find((member) => member.host === host && member.at !== at);
          if (there === undefined || reached.has(other)) continue;
          const gateway = there.at.addresses.map((text) => parseAddress(text.replace(/\/.*/, ''))!).find((a) => a.family === family);
          if (gateway === undefined) continue;
          reached.add(other);
          next.push(other);
          for (const member of other.members) {
            if (member.host !== host && !isOn(member.host, target)) member.host.addRoute(prefix, gateway, member.at);
          }
        }
      }
    }
    edge = next;
  }
}

/** A NAT's outside learns nothing of its inside. */
const leadsOut = (host: Host, target: Attachment, family: 4 | 6): boolean =>
  !(host instanceof NatHost) || family === 6 || host.isOutside(target.link);

const isOn = (host: Host, segment: Segment): boolean => segment.members.some((member) => member.host === host);

function segmentsOf(network: Network): Segment[] {
  const bySwitch = new Map<SwitchNode, Segment>();
  const segments: Segment[] = [];
  for (const each of network.switches) {
    // Switches that are linked are one: the first of them stands for all.
    const known = [...neighbors(each)].find((other) => bySwitch.has(other));
    const segment = known === undefined ? { prefixes: each.subnet, members: [] } : bySwitch.get(known)!;
    if (known === undefined) segments.push(segment);
    bySwitch.set(each, segment);
  }
  const own = new Map<NetworkLink, Segment>();
  for (const link of network.links) {
    if (link.nodes.some((node) => node instanceof SwitchNode)) continue;
    const segment = { prefixes: link.subnet, members: [] };
    own.set(link, segment);
    segments.push(segment);
  }
  for (const host of network.machines) {
    for (const at of host.attachments) {
      const bridge = at.link.nodes.find((node) => node instanceof SwitchNode);
      (bridge === undefined ? own.get(at.link)! : bySwitch.get(bridge)!).members.push({ host, at });
    }
  }
  return segments;
}

/** All switches that can be reached without leaving the frames' world. */
function neighbors(from: SwitchNode, found = new Set<SwitchNode>()): Set<SwitchNode> {
  found.add(from);
  for (const { nodes } of from.links) {
    for (const node of nodes) if (node instanceof SwitchNode && !found.has(node)) neighbors(node, found);
  }
  return found;
}
