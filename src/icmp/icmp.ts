// ICMP of both families, put together: what the stack registers with IP, and what sockets ask of it.

import type { Environment } from '../environment.js';
import type { IpHeader } from '../ip/header.js';
import type { Ip } from '../ip/ip.js';
import type { ErrorReporter, IcmpError } from '../ip/protocol.js';
import type { Packet } from '../packet.js';
import { Echo, type EchoEndpoint, type EchoSettings } from './echo.js';
import { ErrorSender } from './error-sender.js';
import { IcmpV4 } from './icmpv4.js';
import { IcmpV6 } from './icmpv6.js';
import { Ndp } from './ndp.js';
import type { RateLimitSettings } from './rate-limit.js';

export interface IcmpSettings {
  readonly echo: EchoSettings;
  readonly errors: RateLimitSettings;
}

export const ICMP_SETTINGS: IcmpSettings = {
  echo: { answer: true, answerGroups: false, endpoints: 1024 },
  errors: { perSecond: 1000, burst: 50, perSecondToOne: 10, burstToOne: 10 },
};

export class Icmp implements ErrorReporter {
  readonly v4: IcmpV4;
  readonly v6: IcmpV6;
  readonly ndp: Ndp;
  private readonly echo: Echo;
  private readonly errors: ErrorSender;

  /** `stack.ts` registers `v4` and `v6` with IP, and puts this into `ip.errors`. */
  constructor(ip: Ip, env: Environment, settings: IcmpSettings = ICMP_SETTINGS) {
    this.echo = new Echo(ip, env, settings.echo);
    this.ndp = new Ndp(ip, env);
    this.v4 = new IcmpV4(ip, env, this.echo);
    this.v6 = new IcmpV6(ip, env, this.echo, this.ndp);
    this.errors = new ErrorSender(ip, env, settings.errors);
  }

  report(kind: IcmpError['kind'], code: number, detail: number, packet: Packet, header: IpHeader, now: number): void {
    this.errors.report(kind, code, detail, packet, header, now);
  }

  /** Somebody who asks for echoes: ping. Null: there are too many of them. */
  openEcho(): EchoEndpoint | null {
    return this.echo.open();
  }
}
