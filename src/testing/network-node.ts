// What stands at the ends of links: hosts, routers and NATs, which are stacks, and switches, which are not.

import type { Address } from '../address.js';
import { prefixOf } from './addressing.js';
import type { Interface } from '../ip/interface.js';
import { Switch } from '../link/switch.js';
import type { Packet } from '../packet.js';
import { BsdSockets } from '../socket-api/bsd/sockets.js';
import { ping, type PingOptions, type PingReply } from '../socket-api/ping.js';
import { RawSocket, type RawOptions } from '../socket-api/raw.js';
import { type TcpConnectOptions, type TcpListenOptions, TcpServer, TcpSocket } from '../socket-api/tcp.js';
import { type UdpBindOptions, UdpSocket } from '../socket-api/udp.js';
import { Stack, type StackOptions } from '../stack.js';
import { NEVER } from '../time.js';
import type { Happening } from './event-queue.js';
import type { Fault } from './fault.js';
import type { Network } from './network.js';
import type { NetworkLink } from './network-link.js';

export interface HostOptions {
  /** Of its stack: TCP's settings, a receive queue … */
  readonly stack?: Omit<StackOptions, 'random' | 'now' | 'onApplicationError'>;
}

/** A place of a host on a link. */
export interface Attachment {
  readonly link: NetworkLink;
  /** Which of the link's ends. */
  readonly side: 0 | 1;
  /** `10.1.0.1/16`, `fd00:1::1/64`. */
  readonly addresses: readonly string[];
  interface: Interface;
}

/** A machine: its stack, its sockets in every face, its cables. */
export class Host {
  /** Another one after `restart`. */
  stack: Stack;
  readonly attachments: Attachment[] = [];
  /** When its stack wants to be polled, and when the network will look: ms. The network's own. */
  due = NEVER;
  planned = NEVER;
  private isOff = false;
  private boots = 0;
  /** Its addresses, without prefix lengths. */
  private readonly names: string[] = [];
  private descriptors: BsdSockets | null = null;
  private readonly ways: { destination: Address; prefixLength: number; interface: Interface; gateway: Address }[] = [];

  constructor(readonly network: Network, readonly name: string, private readonly options: HostOptions, readonly forwards = false) {
    this.stack = this.boot(0);
  }

  // Its sockets.

  /** The first IPv4 address, as text. */
  get ip(): string {
    return this.addressOf(4);
  }

  /** The first IPv6 address, as text. */
  get ip6(): string {
    return this.addressOf(6);
  }

  /** All of them, those of the loopback excepted. */
  get addresses(): string[] {
    return [...this.names];
  }

  /** In the order of its links: `eth0`, `eth1` … */
  get interfaces(): Interface[] {
    return this.attachments.map((each) => each.interface);
  }

  /** A server on TCP. */
  listen(port: number, options: Omit<TcpListenOptions, 'port'> = {}): TcpServer {
    return TcpServer.listen(this.stack, { ...options, port });
  }

  /** A connection to another host, by its first IPv4 address, or to any address. */
  connect(to: Host | string, port: number, options: Omit<TcpConnectOptions, 'address' | 'port'> = {}): Promise<TcpSocket> {
    return TcpSocket.connect(this.stack, { ...options, address: textOf(to), port });
  }

  /** A datagram socket. */
  udp(options: UdpBindOptions = {}): UdpSocket {
    return UdpSocket.bind(this.stack, options);
  }

  /** A raw socket. */
  raw(options: RawOptions): RawSocket {
    return RawSocket.open(this.stack, options);
  }

  ping(to: Host | string, options: PingOptions = {}): Promise<PingReply> {
    return ping(this.stack, textOf(to), options);
  }

  /** Sockets as C programs know them. */
  get bsd(): BsdSockets {
    return (this.descriptors ??= new BsdSockets(this.stack));
  }

  /** Who drives the stack: the network does. With `stack` it makes a host of this for every face that wants one. */
  readonly driver = { stop: (): void => {} };

  // Its life.

  /** Neither polled nor heard nor speaking while it is true: crashed, or frozen. */
  get isDown(): boolean {
    return this.isOff;
  }

  set isDown(value: boolean) {
    this.isOff = value;
    for (const { link, side } of this.attachments) link.link.ends[side].isMute = value;
  }

  /**
   * The machine is gone: it neither sends nor hears, and its sockets here fail. Its peers are told by resets, or, `silent`,
   * by nobody. Undone, it starts anew, with the same addresses and no memory.
   */
  crash(options: { readonly silent?: boolean } = {}): Fault {
    return this.network.fault(`${this.name} crashes`, () => {
      if (options.silent === true) this.isDown = true;
      this.abortAll();
      // A reset is sent in the call, but a datagram's farewell and TCP's may wait for a poll.
      if (!this.isDown) this.stack.poll(this.network.now);
      this.isDown = true;
      return () => this.restart();
    });
  }

  /** The machine stands still: it is heard of again, and goes on where it was, when this is undone. What arrives is lost. */
  freeze(): Fault {
    return this.network.fault(`${this.name} freezes`, () => {
      this.isDown = true;
      return () => {
        this.isDown = false;
        this.network.wake(this);
      };
    });
  }

  /** Every socket of it fails with ECONNABORTED, or is closed. */
  private abortAll(): void {
    const { tcp, udp } = this.stack;
    for (const listener of tcp.listening()) listener.close();
    tcp.dormant.wakeAll();
    for (const connection of [...tcp.connections]) connection.abort();
    for (const endpoint of [...udp.ports]) endpoint.close();
    this.stack.settle();
  }

  private restart(): void {
    for (const { interface: each } of this.attachments) each.device.close();
    this.stack.onWake = null;
    this.isDown = false;
    this.stack = this.boot(this.network.now);
    this.descriptors = null;
    for (const attachment of this.attachments) attachment.interface = this.plug(attachment);
    this.network.routesChanged();
  }

  /** The network's: a cable is plugged in. */
  attach(link: NetworkLink, side: 0 | 1, addresses: readonly string[]): Attachment {
    const attachment = { link, side, addresses } as unknown as Attachment;
    attachment.interface = this.plug(attachment);
    this.attachments.push(attachment);
    this.names.push(...addresses.map((text) => text.replace(/\/\d+$/, '')));
    return attachment;
  }

  /** The network's: a way that it worked out. */
  addRoute(prefix: string, gateway: Address, at: Attachment): void {
    const { address: destination, prefixLength } = prefixOf(prefix);
    const route = { destination, prefixLength, interface: at.interface, gateway };
    if (this.stack.ip.routes.add(route)) this.ways.push(route);
  }

  /** Those are all forgotten. */
  forgetRoutes(): void {
    for (const { destination, prefixLength, interface: through, gateway } of this.ways.splice(0)) {
      this.stack.ip.routes.remove(destination, prefixLength, through, gateway);
    }
  }

  /** What is between a cable's end and the stack: nothing here. */
  protected device(attachment: Attachment): Parameters<Stack['addInterface']>[0] {
    return attachment.link.link.ends[attachment.side];
  }

  private plug(attachment: Attachment): Interface {
    const { link, side, addresses } = attachment;
    const known = this.attachments.indexOf(attachment);
    const number = known < 0 ? this.attachments.length : known;
    const end = link.link.ends[side];
    end.admits = (packet: Packet): boolean => !this.isDown && this.network.admits(this, end, packet);
    return this.stack.addInterface(this.device(attachment), {
      // Nobody has had these addresses before: a thousand hosts that say so would be a million frames.
      name: `eth${number}`, addresses, announce: false,
    });
  }

  private boot(now: number): Stack {
    const { network } = this;
    const stack = new Stack({
      ...network.stackOptions, ...this.options.stack, forwarding: this.forwards, random: network.dice(this.dice()), now,
      onApplicationError: (error) => network.onError(error),
    });
    stack.clock = () => network.present();
    stack.onWake = () => network.wake(this);
    return stack;
  }

  /** Who starts anew throws others: its ports and sequence numbers are not those of its life before. */
  private dice(): string {
    return this.boots++ === 0 ? `host ${this.name}` : `host ${this.name}, boot ${this.boots}`;
  }

  private addressOf(family: 4 | 6): string {
    const found = this.names.find((text) => text.includes(':') === (family === 6));
    if (found === undefined) throw new Error(`${this.name} has no IPv${family} address yet: link it to something`);
    return found;
  }

  /** The name, for whoever prints it. */
  toString(): string {
    return this.name;
  }
}

const textOf = (to: Host | string): string => (typeof to === 'string' ? to : to.ip);

/** Polls a host when its time has come. */
export class PollHost implements Happening<Host> {
  constructor(private readonly due: Host[]) {}

  happen(host: Host): void {
    host.planned = NEVER;
    this.due.push(host);
  }
}

/** A switch with as many ports as cables. */
export class SwitchNode {
  readonly bridge: Switch;
  readonly links: NetworkLink[] = [];
  /** Of the hosts on it: their subnet's number. */
  hostsOnIt = 0;

  constructor(readonly network: Network, readonly name: string, readonly subnet: readonly string[]) {
    this.bridge = new Switch({ clock: () => network.now });
  }

  toString(): string {
    return this.name;
  }
}
