// The shell lines of a script: what they set, as options of our stack; what they ask, as conditions; what is left is said.
// Names are those of Linux's Documentation/networking/ip-sysctl and of FreeBSD's tcp(4).

import type { TcpSettings } from '../../tcp/tcp.js';

type Writable<T> = { -readonly [K in keyof T]?: T[K] };
export type Settings = Writable<TcpSettings>;

/** So many sockets are in a state, FreeBSD's word for it: `sockstat … | grep -c SYN_RCVD | grep 1`. */
export interface SocketCount {
  readonly state: 'SYN_RCVD' | 'TIME_WAIT' | 'CLOSED';
  /** As grep finds it: among the digits of the count. */
  readonly count: string;
}

/** What a shell line comes to. */
export interface ShellLine {
  readonly settings: Settings;
  /** Holds when the line is reached. */
  readonly condition: SocketCount | null;
  /** Why the script cannot be run; null: it can. */
  readonly skip: string | null;
}

/** @returns what setting it to `value` means; null: nothing to us; a text: we cannot */
type Rule = (value: string) => Settings | string | null;

const flag = (key: 'sack' | 'timestamps' | 'windowScaling'): Rule => (value) => ({ [key]: value !== '0' });
const count = (key: 'synRetries' | 'synAckRetries' | 'retries' | 'orphanRetries'): Rule => (value) => ({ [key]: Number(value) });
const ignored: Rule = () => null;
const only = (wanted: string, why: string): Rule => (value) => (value === wanted ? null : why);

/** Linux and FreeBSD count alike, as far as we go. */
function ecn(value: string): Settings | string {
  const setting = (['off', 'on', 'passive', 'accurate'] as const)[Number(value)];
  return setting === undefined ? `ECN ${value}` : { ecn: setting };
}

/** `min default max`, bytes. */
const sizes = (value: string): { least: number; most: number } => {
  const [, middle, last] = value.trim().split(/\s+/).map(Number);
  return { least: Math.min(middle ?? 0, last ?? 0), most: last ?? middle ?? 0 };
};

const LINUX: Readonly<Record<string, Rule>> = {
  tcp_sack: flag('sack'),
  tcp_timestamps: flag('timestamps'),
  tcp_window_scaling: flag('windowScaling'),
  tcp_syn_retries: count('synRetries'),
  tcp_synack_retries: count('synAckRetries'),
  tcp_retries2: count('retries'),
  tcp_orphan_retries: count('orphanRetries'),
  tcp_fin_timeout: (value) => ({ finWait2Ms: Number(value) * 1000 }),
  tcp_rmem: (value) => ({ receiveBuffer: sizes(value).least, receiveBufferMax: sizes(value).most }),
  tcp_wmem: (value) => ({ sendBuffer: sizes(value).least, sendBufferMax: sizes(value).most }),
  tcp_ecn: (value) => ecn(value),
  tcp_congestion_control: (value) => (value === 'cubic' ? null : `congestion control ${value}, which is a socket's option here`),
  tcp_fastopen: ignored,
  tcp_fastopen_key: ignored,
  tcp_syncookies: ignored,
  tcp_max_syn_backlog: (value) => ({ halfOpen: Number(value) }),
  // What Linux tunes, and we do always: the best known algorithm is on.
  tcp_dsack: ignored, tcp_fack: ignored, tcp_frto: ignored, tcp_reordering: ignored, tcp_max_reordering: ignored,
  tcp_early_retrans: ignored, tcp_recovery: ignored, tcp_slow_start_after_idle: ignored, tcp_thin_linear_timeouts: ignored,
  tcp_no_metrics_save: ignored, tcp_moderate_rcvbuf: ignored, tcp_mtu_probing: ignored, tcp_autocorking: ignored,
  tcp_invalid_ratelimit: ignored, tcp_challenge_ack_limit: ignored, tcp_notsent_lowat: ignored, tcp_ecn_option: ignored,
  tcp_rto_min_us: ignored, tcp_comp_sack_delay_ns: ignored, tcp_comp_sack_nr: ignored, tcp_backlog_ack_defer: ignored,
  tcp_rfc1337: ignored, tcp_tw_reuse: ignored, tcp_shrink_window: ignored, tcp_abort_on_overflow: ignored,
  // How large a superpacket is; segments are compared as they are on the wire.
  tcp_min_tso_segs: ignored, tcp_tso_win_divisor: ignored, tcp_tso_rtt_log: ignored, tcp_limit_output_bytes: ignored,
  tcp_pacing_ss_ratio: ignored, tcp_pacing_ca_ratio: ignored,
};

const FREEBSD: Readonly<Record<string, Rule>> = {
  rfc1323: (value) => ({ timestamps: value !== '0', windowScaling: value !== '0' }),
  'sack.enable': flag('sack'),
  'ecn.enable': (value) => ecn(value),
  'ecn.maxretries': (value) => ({ ecnSynRetries: Number(value) }),
  blackhole: only('0', 'FreeBSD net.inet.tcp.blackhole: silence instead of a reset'),
  insecure_rst: only('0', 'FreeBSD net.inet.tcp.insecure_rst: RFC 5961 off'),
  insecure_syn: only('0', 'FreeBSD net.inet.tcp.insecure_syn: RFC 5961 off'),
  drop_synfin: (value) => ({ dropSynFin: value !== '0' }),
  icmp_may_rst: ignored,
  syncookies: ignored,
  syncookies_only: only('0', 'FreeBSD net.inet.tcp.syncookies_only'),
  path_mtu_discovery: ignored,
  recvspace: ignored,
  sendspace: ignored,
  'hostcache.purgenow': ignored,
  rexmit_initial: only('1000', 'FreeBSD net.inet.tcp.rexmit_initial'),
  rexmit_slop: ignored,
  rexmit_drop_options: only('0', 'FreeBSD net.inet.tcp.rexmit_drop_options'),
  keepinit: ignored,
  keepcnt: (value) => ({ keepAliveProbes: Number(value) }),
  delacktime: ignored,
};

const NOTHING: ShellLine = { settings: {}, condition: null, skip: null };

export function shellLine(text: string): ShellLine {
  const found = { ...NOTHING, settings: {} as Settings };
  for (const line of text.replaceAll('\\\n', ' ').split(/\n|;|&&/)) {
    const one = command(line.replace(/(^|\s)#.*$/, '').trim());
    Object.assign(found.settings, one.settings);
    if (one.skip !== null) return one;
    if (one.condition !== null) Object.assign(found, { condition: one.condition });
  }
  return found;
}

function command(line: string): ShellLine {
  if (line === '' || /defaults\.sh$|sysctl_restore|^ip tcp_metrics|^tcpdrop\b|^sleep\b|^echo\b/.test(line)) return NOTHING;
  const counted = /^sockstat\b[^|]*(?:\| grep packetdril )?\| grep -c (SYN_RCVD|TIME_WAIT|CLOSED) \| grep (\d+)$/.exec(line);
  if (counted !== null) return { ...NOTHING, condition: { state: counted[1] as SocketCount['state'], count: counted[2]! } };
  if (/^sysctl\b|set_sysctls\.py/.test(line)) return sysctls(line);
  return { ...NOTHING, skip: `shell: ${line}` };
}

function sysctls(line: string): ShellLine {
  const settings: Settings = {};
  for (const [, name, quoted, bare] of line.matchAll(/([\w./]+)=(?:"([^"]*)"|(\S+))/g)) {
    const value = arithmetic(quoted ?? bare!);
    const means = meaning(name!.replace(/^\/proc\/sys\//, '').replaceAll('/', '.'), value);
    if (typeof means === 'string') return { ...NOTHING, skip: means };
    Object.assign(settings, means);
  }
  return { ...NOTHING, settings };
}

function meaning(name: string, value: string): Settings | string | null {
  const linux = /^net\.ipv[46]\.(tcp_\w+)$/.exec(name);
  if (linux !== null) return (LINUX[linux[1]!] ?? (() => `sysctl ${name}`))(value);
  const freebsd = /^net\.inet6?\.tcp\.(.+)$/.exec(name);
  if (freebsd !== null) return (FREEBSD[freebsd[1]!] ?? (() => `sysctl ${name}`))(value);
  return /^(kern\.ipc|net\.core)\./.test(name) ? null : `sysctl ${name}`;
}

/** `$((15*1024*1024))`. */
const arithmetic = (text: string): string =>
  text.replace(/\$\(\(([\d*\s]+)\)\)/g, (_, product: string) => String(product.split('*').reduce((n, factor) => n * Number(factor), 1)));
