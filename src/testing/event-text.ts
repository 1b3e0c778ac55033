// What happened inside a connection, one line for each event: for people, and as JSON for programs.

import type { TcpEvent } from '../tcp/probe.js';

/** `12.345 #1 acked 4344 (+1448): cwnd 14480, ssthresh -, srtt 20.0, in flight 8688`: ms, the connection's number, what. */
export function eventText(e: TcpEvent): string {
  return `${e.at.toFixed(3)} #${e.connection} ${whatOf(e)}`;
}

/** One line of JSON; what is not known or has no bound is null. */
export const eventJson = (e: TcpEvent): string => JSON.stringify(e);

function whatOf(e: TcpEvent): string {
  switch (e.kind) {
    case 'open': return `port ${e.localPort} to ${e.remotePort}, ${e.state}`;
    case 'state': return `${e.from} -> ${e.to}`;
    case 'sent':
      return `sent ${e.offset}:${e.offset + e.bytes}${e.segments > 1 ? ` as ${e.segments}` : ''}${e.why === 'new' ? '' : ` (${e.why})`}: ` +
        `cwnd ${numberOf(e.cwnd)}, in flight ${e.inFlight}`;
    case 'acked':
      return `acked ${e.offset} (+${e.bytes}): cwnd ${numberOf(e.cwnd)}, ssthresh ${numberOf(e.ssthresh)}, srtt ${e.srttMs.toFixed(1)}, ` +
        `in flight ${e.inFlight}${e.pacingRate === Infinity ? '' : `, paced at ${Math.round(e.pacingRate)} B/s`}`;
    case 'lost': return `lost ${e.bytes}, ${e.total} in all`;
    case 'recovery': return `recovery ${e.from} -> ${e.to}: cwnd ${numberOf(e.cwnd)}, ssthresh ${numberOf(e.ssthresh)}`;
    case 'undone': return `undone: cwnd ${numberOf(e.cwnd)}, ssthresh ${numberOf(e.ssthresh)}`;
    case 'timeout': return `timeout ${e.times}, the next after ${Math.round(e.rtoMs)} ms`;
    case 'window': return e.bytes === 0 ? 'window shut' : `window opened: ${e.bytes}`;
    case 'held': return e.why === null ? 'held by nothing' : `held: ${e.why}`;
  }
}

const numberOf = (value: number): string => (Number.isFinite(value) ? String(Math.round(value)) : '-');
