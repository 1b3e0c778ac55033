// A link of a network, and its faults as verbs: each undoes itself, by `undo()` or at the end of a block with `using`. What
// several faults say of the same thing, the latest says.

import { invalidValue } from '../errors.js';
import { type Packet } from '../packet.js';
import { type Duration, msOf } from './duration.js';
import type { Fault } from './fault.js';
import { type Bursts, damageUnseen, type Impairments, markCongestion } from './impairment.js';
import type { Gate, Link, LinkEnd } from './link.js';
import type { Network } from './network.js';
import type { Host, SwitchNode } from './network-node.js';
import { PacketView } from './packet-view.js';

/** Which way: what this one sends, or what goes to it. Default: both. */
export type Way = { readonly from?: Host | SwitchNode; readonly to?: Host | SwitchNode };

/**
 * What a rule does to a packet. `pass`: nothing; the next rule is asked. `drop`. `duplicate`: it goes on twice. `corrupt`: a bit
 * is turned over, and its checksum tells. `corrupt-unseen`: likewise, in the text of TCP or UDP, and the checksum is mended.
 * `mark`: congestion was experienced (RFC 3168). `hold`: it waits until the rule is undone. `delay`: it is that late, ms or a
 * span like '20ms'. `replace`: these bytes go on in its place.
 */
export type Verdict =
  | 'pass' | 'drop' | 'duplicate' | 'corrupt' | 'corrupt-unseen' | 'mark' | 'hold'
  | { readonly delay: Duration } | { readonly replace: Uint8Array };

export type RuleFunction = (packet: PacketView) => Verdict | undefined;

interface Rule {
  readonly judge: RuleFunction;
  readonly name: string;
  readonly sides: readonly boolean[];
  readonly held: { readonly packet: Packet; readonly end: LinkEnd }[];
}

/** Packets that hands and rules may keep of one link. Ours: a laboratory's memory has an end, too. */
const HELD_MAX = 65_536;

export type JitterOptions = Way & { readonly overtaking?: boolean };

export interface ScheduledStep extends Impairments {
  /** When it begins, from the schedule's beginning. */
  readonly at: Duration;
}

export class NetworkLink implements Gate {
  private readonly rules: Rule[] = [];
  /** What faults say, by side; the latest last. */
  private readonly layers: { readonly sides: readonly boolean[]; readonly settings: Impairments }[] = [];
  private readonly sent = [0, 0];
  /** Of what was said at its making. */
  private readonly base: readonly [Impairments, Impairments];

  constructor(
    private readonly network: Network, readonly name: string, readonly link: Link, readonly nodes: readonly [Host | SwitchNode, Host | SwitchNode],
    readonly subnet: readonly string[],
  ) {
    this.base = [link.ends[0].impairment.settings, link.ends[1].impairment.settings];
  }

  // Cables.

  /** Nobody hears anybody. What is under way arrives. */
  unplug(way: Way = {}): Fault {
    return this.rule(() => 'drop', way, `${this.name} is unplugged`);
  }

  /** What is sent waits here, in order, and goes on when this is undone. */
  hold(way: Way = {}): Fault {
    return this.rule(() => 'hold', way, `${this.name} holds what it gets`);
  }

  // Chance.

  /** One way, in place of what it is. */
  delay(span: Duration, way: Way = {}): Fault {
    return this.layer(`a delay of ${span}`, { delayMs: msOf('delay', span) }, way);
  }

  /** Up to so much more for each packet anew. Those behind wait, unless `overtaking`. */
  jitter(span: Duration, { overtaking = false, ...way }: JitterOptions = {}): Fault {
    return this.layer(`jitter of ${span}`, { jitterMs: msOf('jitter', span), overtaking }, way);
  }

  /**
   * A chance, 0 .. 1, for each packet (Bernoulli); or two states with a chance in each (Gilbert and Elliott); or exactly the
   * n-th of those that `of` says yes to, counted from now on in the ways that are meant.
   */
  loss(what: number | Bursts | { readonly nth: number | readonly number[]; readonly of?: (packet: PacketView) => boolean }, way: Way = {}): Fault {
    if (typeof what === 'number') return this.layer(`a loss of ${what}`, { loss: what }, way);
    if (!('nth' in what)) return this.layer('losses in bursts', { bursts: what }, way);
    const wanted = [what.nth].flat();
    if (wanted.some((n) => !(Number.isInteger(n) && n >= 1))) throw invalidValue('nth', 'must count from 1', what.nth);
    const { of = () => true } = what;
    let seen = 0;
    return this.rule((packet) => (of(packet) && wanted.includes(++seen) ? 'drop' : 'pass'), way, `the loss of packet ${wanted.join(', ')}`);
  }

  /** The chance that a packet arrives twice. */
  duplicate(chance: number, way: Way = {}): Fault {
    return this.layer(`duplicates, ${chance}`, { duplicate: chance }, way);
  }

  /** Some packets, or every so-manieth, are held back for so long while those behind them pass. */
  reorder(options: { readonly late: Duration; readonly chance?: number; readonly every?: number }, way: Way = {}): Fault {
    const { late, ...rest } = options;
    return this.layer('reordering', { reorder: { lateMs: msOf('late', late), ...rest } }, way);
  }

  /** The chance that a bit is turned over. `unseen`: in the text, with the checksum mended, so that only an application can tell. */
  corrupt(chance: number, { unseen = false, ...way }: Way & { readonly unseen?: boolean } = {}): Fault {
    return this.layer(`damage, ${chance}`, { corrupt: chance, corruption: unseen ? 'hidden' : 'detectable' }, way);
  }

  /** The chance that a packet is told to have met congestion, where its sender listens to that. RFC 3168. */
  mark(chance: number, way: Way = {}): Fault {
    return this.layer(`marks, ${chance}`, { mark: chance }, way);
  }

  // Lines.

  /** So many bits a second, and a queue before them: what comes last is lost, or, with CoDel, what has waited too long. */
  rate(
    bitsPerSecond: number,
    options: Way & Pick<Impairments, 'queue' | 'queueBytes' | 'queuePackets' | 'markBytes'> = {},
  ): Fault {
    const { from, to, ...queue } = options;
    const way = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
    return this.layer(`${bitsPerSecond} bit/s`, { bitsPerSecond, ...queue }, way);
  }

  /** A black hole: IP packets of more bytes vanish. `icmp`: and whoever sent them is told, so that it is none. */
  mtu(bytes: number, { icmp = false, ...way }: Way & { readonly icmp?: boolean } = {}): Fault {
    return this.layer(`an MTU of ${bytes}`, { pathMtu: bytes, tooBig: icmp ? 'icmp' : 'silence' }, way);
  }

  // Everything else.

  /** Any impairments at once. */
  impair(settings: Impairments, way: Way = {}): Fault {
    return this.layer('impairments', settings, way);
  }

  /**
   * Impairments by the clock: each step holds until the next begins, with `every` all over again.
   * @example link.schedule([{ at: 0 }, { at: '20s', loss: 1 }, { at: '25s', delayMs: 200 }], { every: '1 min' })
   */
  schedule(steps: readonly ScheduledStep[], { every, ...way }: Way & { readonly every?: Duration } = {}): Fault {
    return this.network.fault(`a schedule on ${this.name}`, () => {
      let present: Fault | null = null;
      let planned: (() => void)[] = [];
      let isOver = false;
      const begin = (): void => {
        planned = steps.map(({ at, ...settings }) => this.network.after(at, () => {
          // One that is later than the next time round.
          if (isOver) return;
          present?.undo();
          present = this.layer('a step of a schedule', settings, way);
        }));
        if (every !== undefined) planned.push(this.network.after(every, begin));
      };
      begin();
      return () => {
        isOver = true;
        for (const cancel of planned) cancel();
        present?.undo();
      };
    });
  }

  /** Each packet that is put on the link is shown to `judge`. Of several rules the first that does not say `pass` decides. */
  rule(judge: RuleFunction, way: Way = {}, name = judge.name || 'a rule'): Fault {
    return this.network.fault(`${name} on ${this.name}`, () => {
      const rule: Rule = { judge, name, sides: this.sidesOf(way), held: [] };
      this.rules.push(rule);
      this.guard();
      return () => {
        this.rules.splice(this.rules.indexOf(rule), 1);
        this.guard();
        for (const { packet, end } of rule.held) end.launch(packet);
      };
    });
  }

  /** Packets that hands and rules keep. */
  get held(): number {
    return this.rules.reduce((sum, { held }) => sum + held.length, 0);
  }

  takes(packet: Packet, end: LinkEnd): boolean {
    const side = end === this.link.ends[0] ? 0 : 1;
    const number = ++this.sent[side]!;
    const { network } = this;
    // Only a rule that looks needs something to look at, and the frame is a view of what is there.
    const view = new PacketView(
      packet.bytes.subarray(packet.start, packet.end), end.ipAt, this.nodes[side].name, this.nodes[1 - side]!.name, number, network.now);
    for (const rule of this.rules) {
      if (!rule.sides[side]) continue;
      const verdict = rule.judge(view);
      if (verdict !== undefined && verdict !== 'pass') return this.carryOut(verdict, rule, packet, end);
    }
    return false;
  }

  private carryOut(verdict: Exclude<Verdict, 'pass'>, rule: Rule, packet: Packet, end: LinkEnd): boolean {
    const { network } = this;
    const [at, stop] = [packet.start + end.ipAt, packet.end];
    network.comment(rule.name);
    if (verdict === 'hold' && this.held < HELD_MAX) {
      network.onFrame(end, packet, 'held');
      rule.held.push({ packet, end });
    } else if (verdict === 'drop' || verdict === 'hold') {
      network.onFrame(end, packet, 'dropped');
      packet.release();
    } else if (verdict === 'duplicate') {
      end.launchCopy(packet);
      end.launch(packet);
    } else {
      if (verdict === 'corrupt') packet.bytes[at + this.network.diceOf(this.name).below(stop - at)]! ^= 1 << this.network.diceOf(this.name).below(8);
      else if (verdict === 'corrupt-unseen') damageUnseen(packet.bytes, at, stop, this.network.diceOf(this.name).u32());
      else if (verdict === 'mark') markCongestion(packet.bytes, at);
      else if ('replace' in verdict) this.replace(packet, verdict.replace);
      end.launch(packet, typeof verdict === 'object' && 'delay' in verdict ? msOf('delay', verdict.delay) : 0);
    }
    network.comment(null);
    return true;
  }

  private replace(packet: Packet, bytes: Uint8Array): void {
    if (bytes.length > packet.bytes.length - packet.start) throw invalidValue('replace', 'must fit where the packet was', bytes.length);
    packet.bytes.set(bytes, packet.start);
    packet.end = packet.start + bytes.length;
    packet.checksum = 'whole';
  }

  private layer(what: string, settings: Impairments, way: Way): Fault {
    return this.network.fault(`${what} on ${this.name}`, () => {
      const layer = { sides: this.sidesOf(way), settings };
      this.layers.push(layer);
      this.apply();
      return () => {
        this.layers.splice(this.layers.indexOf(layer), 1);
        this.apply();
      };
    });
  }

  private apply(): void {
    this.link.ends.forEach((end, side) => {
      const said = this.layers.filter(({ sides }) => sides[side]).map(({ settings }) => settings);
      end.change(said.reduce((all, each) => ({ ...all, ...each }), this.base[side]!));
    });
  }

  /** Without rules nobody is asked. */
  private guard(): void {
    this.link.ends.forEach((end, side) => {
      end.gate = this.rules.some(({ sides }) => sides[side]) ? this : null;
    });
  }

  private sidesOf({ from, to }: Way): readonly boolean[] {
    const wanted = [from, to].filter((node) => node !== undefined);
    for (const node of wanted) if (!this.nodes.includes(node)) throw invalidValue('way', `must name an end of ${this.name}`, node.name);
    const isOne = (side: 0 | 1): boolean =>
      (from === undefined || this.nodes[side] === from) && (to === undefined || this.nodes[1 - side] === to);
    return [isOne(0), isOne(1)];
  }

  toString(): string {
    return this.name;
  }
}
