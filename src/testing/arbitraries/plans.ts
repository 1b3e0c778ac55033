// Networks and what befalls them: what a link does, who is linked with whom, and what happens when. For `Simulation`.

import fc from 'fast-check';

import type { Impairments } from '../impairment.js';
import type { Link } from '../link.js';
import type { Host, Simulation } from '../simulation.js';
import { inOrder } from './shrinking.js';

const sometimes = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> => fc.oneof({ weight: 2, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

export interface LinkKnobs {
  /** Chances of loss to choose from, besides none. Default 1, 5, 15 and 30 %. */
  readonly losses?: readonly number[];
  /** Bits turned over, that checksums may find. Default true. */
  readonly corruption?: boolean;
}

const anyLinkPlan = ({ losses = [0.01, 0.05, 0.15, 0.3], corruption = true }: LinkKnobs = {}): fc.Arbitrary<Impairments> => fc.record({
  delayMs: fc.constantFrom(0, 0.1, 1, 10, 50, 300),
  jitterMs: sometimes(0, fc.constantFrom(0.5, 5, 30, 400)),
  overtaking: fc.boolean(),
  loss: sometimes(0, fc.constantFrom(0, ...losses)),
  duplicate: sometimes(0, fc.constantFrom(0.05, 0.3)),
  corrupt: corruption ? sometimes(0, fc.constantFrom(0.02, 0.1)) : fc.constant(0),
});

/** Most are mild in most ways, so that one fault is seen apart from the others. Shrinks towards a perfect link. */
export const linkPlan = (knobs: LinkKnobs = {}): fc.Arbitrary<Impairments> => inOrder(anyLinkPlan(knobs), {});

/** Hosts by number, and links between them: connected, so that everyone can reach somebody. */
export interface Topology {
  readonly hosts: number;
  readonly links: readonly { readonly from: number; readonly to: number; readonly plan: Impairments }[];
}

/** A tree, and at times a link more than it needs. Shrinks by leaving links out, and then the hosts that hang in the air. */
export const topology = ({ hostsMax = 5, ...knobs }: LinkKnobs & { readonly hostsMax?: number } = {}): fc.Arbitrary<Topology> => fc.integer({ min: 2, max: hostsMax })
  .chain((hosts) => fc.tuple(
    fc.tuple(...Array.from({ length: hosts - 1 }, (_, i) => fc.record({ from: fc.nat(i), to: fc.constant(i + 1), plan: anyLinkPlan(knobs) }))),
    fc.array(fc.record({ from: fc.nat(hosts - 1), to: fc.nat(hosts - 1), plan: anyLinkPlan(knobs) }), { maxLength: 2 }),
  ).map(([tree, more]) => ({ hosts, links: [...tree, ...more.filter(({ from, to }) => from !== to)] })));

/** Put it up: hosts `h0`, `h1`, …, links in their order. */
export function build(sim: Simulation, { hosts, links }: Topology): { readonly hosts: Host[]; readonly links: Link[] } {
  const all = Array.from({ length: hosts }, (_, i) => sim.host(`h${i}`));
  return { hosts: all, links: links.map(({ from, to, plan }) => sim.link(all[from]!, all[to]!, plan)) };
}

export interface Happening {
  /** From the beginning, ms. */
  readonly atMs: number;
  /** Which link, by number; counted round. */
  readonly link: number;
  readonly verb: 'unplug' | 'plug' | 'change';
  /** What `change` changes to. */
  readonly plan: Impairments;
}

/** What befalls links, in the order of time. In the end everything is plugged in. */
export const schedule = ({ untilMs = 60_000, maxLength = 8, ...knobs }: LinkKnobs & { readonly untilMs?: number; readonly maxLength?: number } = {}):
fc.Arbitrary<Happening[]> => inOrder(
  fc.array(fc.record({
    atMs: fc.nat(untilMs), link: fc.nat(7), verb: fc.constantFrom('unplug' as const, 'plug' as const, 'change' as const), plan: anyLinkPlan(knobs),
  }), { maxLength }).map((all) => all.toSorted((a, b) => a.atMs - b.atMs)),
  {},
);

/** Let it happen; after `untilMs` all links are plugged in again. */
export function follow(sim: Simulation, links: readonly Link[], schedule: readonly Happening[], untilMs = 60_000): void {
  for (const { atMs, link, verb, plan } of schedule) {
    const which = links[link % links.length];
    if (which === undefined) continue;
    sim.after(atMs, () => (verb === 'change' ? which.change(plan) : which[verb]()));
  }
  sim.after(untilMs, () => {
    for (const link of links) link.plug();
  });
}
