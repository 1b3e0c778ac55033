// What the application wants of a connection, as records that connections share: ten thousand clients of one listener want
// the same. Nobody changes one; whoever wants something else gets another. RFC 9293 §3.9.1 (OPEN's parameters).

import { checkCongestion, type CongestionName } from './congestion/controllers.js';
import type { ConnectionOptions } from './connection.js';
import type { MtuProbing } from './plpmtud.js';
import type { TcpSettings } from './tcp.js';

/** The fields are those of `ConnectionOptions`, where their meaning stands; two tell that a buffer's size is fixed. */
export class Settings {
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveIdleMs: number;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveProbes: number;
  readonly userTimeoutMs: number;
  readonly retries: number;
  readonly synRetries: number;
  readonly finWait2Ms: number;
  readonly fixesSendBuffer: boolean;
  readonly fixesReceiveBuffer: boolean;
  readonly maxSegment: number;
  readonly mtuProbing: MtuProbing;
  readonly corked: boolean;
  readonly quickAck: boolean;
  readonly windowClamp: number;
  readonly congestion: CongestionName;

  /**
   * `base` with what `options` say otherwise.
   * @throws  TypeError ERR_INVALID_ARG_VALUE, if there is no such congestion control
   */
  constructor(base: Settings, options: ConnectionOptions) {
    this.noDelay = options.noDelay ?? base.noDelay;
    this.keepAlive = options.keepAlive ?? base.keepAlive;
    this.keepAliveIdleMs = options.keepAliveIdleMs ?? base.keepAliveIdleMs;
    this.keepAliveIntervalMs = options.keepAliveIntervalMs ?? base.keepAliveIntervalMs;
    this.keepAliveProbes = options.keepAliveProbes ?? base.keepAliveProbes;
    this.userTimeoutMs = options.userTimeoutMs ?? base.userTimeoutMs;
    this.retries = options.retries ?? base.retries;
    this.synRetries = options.synRetries ?? base.synRetries;
    this.finWait2Ms = options.finWait2Ms ?? base.finWait2Ms;
    this.fixesSendBuffer = options.sendBuffer !== undefined || base.fixesSendBuffer;
    this.fixesReceiveBuffer = options.receiveBuffer !== undefined || base.fixesReceiveBuffer;
    this.maxSegment = Math.floor(options.maxSegment ?? base.maxSegment);
    this.mtuProbing = options.mtuProbing ?? base.mtuProbing;
    this.corked = options.corked ?? base.corked;
    this.quickAck = options.quickAck ?? base.quickAck;
    this.windowClamp = options.windowClamp ?? base.windowClamp;
    this.congestion = options.congestion === undefined ? base.congestion : checkCongestion(options.congestion);
  }

  equals(other: Settings): boolean {
    return this.noDelay === other.noDelay && this.keepAlive === other.keepAlive
      && this.keepAliveIdleMs === other.keepAliveIdleMs && this.keepAliveIntervalMs === other.keepAliveIntervalMs
      && this.keepAliveProbes === other.keepAliveProbes && this.userTimeoutMs === other.userTimeoutMs
      && this.retries === other.retries && this.synRetries === other.synRetries && this.finWait2Ms === other.finWait2Ms
      && this.fixesSendBuffer === other.fixesSendBuffer && this.fixesReceiveBuffer === other.fixesReceiveBuffer
      && this.maxSegment === other.maxSegment && this.mtuProbing === other.mtuProbing && this.corked === other.corked
      && this.quickAck === other.quickAck && this.windowClamp === other.windowClamp && this.congestion === other.congestion;
  }
}

/** So many different wishes are remembered; of more, some connections have a record of their own. */
const RECENT_MAX = 8;

/** One per stack. */
export class SettingsBook {
  /** What a connection begins with. */
  readonly defaults: Settings;
  private readonly recent: Settings[] = [];

  constructor(settings: TcpSettings) {
    const { retries, synRetries, finWait2Ms, keepAliveProbes } = settings;
    this.defaults = new Settings(BARE, { retries, synRetries, finWait2Ms, keepAliveProbes });
  }

  /** `base` with what `options` say otherwise: `base` itself, a record that others have, or a new one. */
  derive(base: Settings, options: ConnectionOptions): Settings {
    const wanted = new Settings(base, options);
    if (wanted.equals(base)) return base;
    for (const known of this.recent) if (wanted.equals(known)) return known;
    if (this.recent.length === RECENT_MAX) this.recent.shift();
    this.recent.push(wanted);
    return wanted;
  }
}

/** The defaults that no setting of the stack changes. */
const BARE: Settings = {
  noDelay: false, keepAlive: false, keepAliveIdleMs: 7_200_000, keepAliveIntervalMs: 75_000, keepAliveProbes: 9,
  userTimeoutMs: 0, retries: 15, synRetries: 7, finWait2Ms: 60_000, fixesSendBuffer: false, fixesReceiveBuffer: false,
  maxSegment: Infinity, mtuProbing: 'black-hole', corked: false, quickAck: false, windowClamp: Infinity, congestion: 'cubic',
  equals: () => false,
};
