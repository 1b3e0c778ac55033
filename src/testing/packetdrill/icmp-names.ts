// What packetdrill calls ICMP's types and codes. RFC 792, 1122 §3.2.2, 1812 §5.2.7; RFC 4443.

interface Kind {
  readonly type: number;
  readonly codes?: readonly (string | null)[];
}

const V4: Readonly<Record<string, Kind>> = {
  echo_reply: { type: 0 },
  unreachable: {
    type: 3,
    codes: [
      'net_unreachable', 'host_unreachable', 'protocol_unreachable', 'port_unreachable', 'frag_needed', 'source_route_failed',
      'net_unknown', 'host_unknown', 'source_host_isolated', 'net_prohibited', 'host_prohibited', 'net_unreachable_for_tos',
      'host_unreachable_for_tos', 'packet_filtered', 'precedence_violation', 'precedence_cutoff',
    ],
  },
  source_quench: { type: 4 },
  redirect: { type: 5 },
  echo_request: { type: 8 },
  time_exceeded: { type: 11, codes: ['ttl_exceeded_in_transit', 'fragment_reassembly_time_exceeded'] },
  parameter_problem: { type: 12 },
  timestamp_request: { type: 13 },
  timestamp_reply: { type: 14 },
  information_request: { type: 15 },
  information_reply: { type: 16 },
  address_mask_request: { type: 17 },
  address_mask_reply: { type: 18 },
};

const V6: Readonly<Record<string, Kind>> = {
  unreachable: { type: 1, codes: ['no_route', 'admin_prohibited', 'not_neighbour', 'address_unreachable', 'port_unreachable'] },
  packet_too_big: { type: 2 },
  time_exceeded: { type: 3, codes: ['exceeded_hop_limit', 'exceeded_frag_time'] },
  parameter_problem: { type: 4, codes: ['header_field', 'unknown_next_header', 'unknown_option'] },
  echo_request: { type: 128 },
  echo_reply: { type: 129 },
  router_solicitation: { type: 133 },
  router_advertisement: { type: 134 },
  neighbor_solicitation: { type: 135 },
  neighbor_advertisement: { type: 136 },
  redirect: { type: 137 },
};

/** Type and code as numbers; null: there is no such thing. Either may be a number: `type_3`, `code_1`. */
export function icmpNumbers(family: 4 | 6, type: string, code: string | null): { type: number; code: number } | null {
  const kind: Kind | undefined = (family === 4 ? V4 : V6)[type];
  const number = kind?.type ?? numberIn('type', type);
  if (number === null) return null;
  if (code === null) return { type: number, code: 0 };
  const index = (kind?.codes ?? []).indexOf(code);
  const said = index < 0 ? numberIn('code', code) : index;
  return said === null ? null : { type: number, code: said };
}

/** `code_1`: one byte. */
function numberIn(what: string, text: string): number | null {
  const [word, digits] = text.split('_');
  return word === what && /^\d+$/.test(digits ?? '') && Number(digits) <= 255 ? Number(digits) : null;
}

export function icmpNames(family: 4 | 6, type: number, code: number): { type: string; code: string | null } {
  const found = Object.entries(family === 4 ? V4 : V6).find(([, kind]) => kind.type === type);
  if (found === undefined) return { type: `type_${type}`, code: `code_${code}` };
  const [name, { codes }] = found;
  return { type: name, code: codes === undefined && code === 0 ? null : codes?.[code] ?? `code_${code}` };
}
