// The mutants that the tests must kill, room by room: `npm run mutants`. Each is a change that somebody could make, or
// leave in, and each test that kills one is known to be able to fail.

import type { Rooms } from '../../tools/mutants/mutant.js';
import { ACK, RESET, SEQUENCE, SYN, SYN_SENT, TEXT, URGENT } from './arrival.js';
import { ASSEMBLER } from './assembler.js';
import { BUFFERS, DSACK, PLPMTUD } from './buffers.js';
import { BBR, CONGESTION, CUBIC } from './congestion.js';
import { GROUND, ICMP, IP, LINK } from './floors.js';
import { FORWARD } from './forward.js';
import { LABORATORY } from './laboratory.js';
import { LISTENER } from './listener.js';
import { FAST_OPEN, SYN_CACHE, SYN_COOKIE } from './opening.js';
import { ACCURATE_MARKS, MARKS, MTU_PROBE } from './marks.js';
import { NAMES } from './names.js';
import { NET } from './net.js';
import { OPTIONS, SEGMENT } from './parsing.js';
import { TCP } from './protocol.js';
import { DELAYED_ACK, RECEIVE_WINDOW, RECEIVER } from './receiver.js';
import { RACK, RECOVERY, SCOREBOARD } from './recovery.js';
import { RTO } from './rto.js';
import { EGRESS, EMIT, SENDER } from './sender.js';
import { SEQ } from './seq.js';
import { CONNECTION, SOCKET_API } from './socket-api.js';
import { CONNECTION_TABLE, DORMANT, ISN, TIME_WAIT } from './tables.js';
import { EXPIRE, KEEP_ALIVE, PERSIST } from './timers.js';
import { PROBE, USER_TIMEOUT } from './user-timeout.js';
import { WEB } from './web.js';

export const ROOMS: Rooms = {
  'forward': FORWARD,
  'laboratory': LABORATORY,
  'names': NAMES,
  'ground': GROUND,
  'link': LINK,
  'ip': IP,
  'icmp': ICMP,
  'seq': SEQ,
  'segment': SEGMENT,
  'options': OPTIONS,
  'arrival/syn-sent': SYN_SENT,
  'arrival/sequence': SEQUENCE,
  'arrival/reset': RESET,
  'arrival/syn': SYN,
  'arrival/ack': ACK,
  'arrival/urgent': URGENT,
  'arrival/text': TEXT,
  'assembler': ASSEMBLER,
  'receiver': RECEIVER,
  'receive-window': RECEIVE_WINDOW,
  'buffers': BUFFERS,
  'dsack': DSACK,
  'plpmtud': PLPMTUD,
  'mtu-probe': MTU_PROBE,
  'marks': MARKS,
  'accurate-marks': ACCURATE_MARKS,
  'delayed-ack': DELAYED_ACK,
  'sender': SENDER,
  'emit': EMIT,
  'egress': EGRESS,
  'scoreboard': SCOREBOARD,
  'rack': RACK,
  'recovery': RECOVERY,
  'congestion': CONGESTION,
  'congestion/bbr': BBR,
  'congestion/cubic': CUBIC,
  'rto': RTO,
  'expire': EXPIRE,
  'persist': PERSIST,
  'keep-alive': KEEP_ALIVE,
  'user-timeout': USER_TIMEOUT,
  'probe': PROBE,
  'listener': LISTENER,
  'syn-cache': SYN_CACHE,
  'syn-cookie': SYN_COOKIE,
  'fast-open': FAST_OPEN,
  'isn': ISN,
  'connection-table': CONNECTION_TABLE,
  'dormant': DORMANT,
  'time-wait': TIME_WAIT,
  'tcp': TCP,
  'connection': CONNECTION,
  'socket-api': SOCKET_API,
  'socket-api/web': WEB,
  'net': NET,
};
