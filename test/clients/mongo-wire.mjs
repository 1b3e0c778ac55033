// As much of a MongoDB server as its driver wants for documents and cursors: OP_MSG, and OP_QUERY for the first hello.

import { BSON } from 'mongodb';

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER = 16;

const HELLO = {
  helloOk: true, ismaster: true, isWritablePrimary: true, minWireVersion: 0, maxWireVersion: 21, readOnly: false,
  maxBsonObjectSize: 16 << 20, maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000, logicalSessionTimeoutMinutes: 30, ok: 1,
};

/** Takes connections for as long as it lives; all of them see the same collections. */
export function mongoServer() {
  const store = { collections: new Map(), cursors: new Map() };
  return (socket) => {
    let rest = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      rest = rest.length > 0 ? Buffer.concat([rest, data]) : data;
      while (rest.length >= HEADER && rest.length >= rest.readInt32LE(0)) {
        const message = rest.subarray(0, rest.readInt32LE(0));
        rest = rest.subarray(message.length);
        socket.write(reply(message, store));
      }
    });
  };
}

function reply(message, store) {
  const [id, opcode] = [message.readInt32LE(4), message.readInt32LE(12)];
  if (opcode === OP_MSG) return framed(id, OP_MSG, [Buffer.alloc(5), BSON.serialize(answer(sections(message), store))]);
  if (opcode !== OP_QUERY) throw new Error(`opcode ${opcode}`);
  // responseFlags, cursorID, startingFrom; numberReturned.
  const fields = Buffer.alloc(20);
  fields.writeInt32LE(1, 16);
  return framed(id, OP_REPLY, [fields, BSON.serialize(HELLO)]);
}

function framed(responseTo, opcode, parts) {
  const header = Buffer.alloc(HEADER);
  header.writeInt32LE(parts.reduce((sum, { length }) => sum + length, HEADER), 0);
  header.writeInt32LE(responseTo, 8);
  header.writeInt32LE(opcode, 12);
  return Buffer.concat([header, ...parts]);
}

/** The command, with the documents that came beside it. */
function sections(message) {
  let command = {};
  const beside = {};
  for (let at = HEADER + 4; at < message.length;) {
    const [kind, length] = [message[at], message.readInt32LE(at + 1)];
    const bytes = message.subarray(at + 1, at + 1 + length);
    at += 1 + length;
    if (kind === 0) {
      command = BSON.deserialize(bytes);
      continue;
    }
    const nameEnd = bytes.indexOf(0, 4);
    const documents = beside[bytes.toString('utf8', 4, nameEnd)] = [];
    for (let i = nameEnd + 1; i < bytes.length; i += bytes.readInt32LE(i)) documents.push(BSON.deserialize(bytes.subarray(i, i + bytes.readInt32LE(i))));
  }
  return { ...command, ...beside };
}

function answer(command, { collections, cursors }) {
  const [name, argument] = Object.entries(command)[0];
  const batch = (key, documents, id) => {
    const size = command.batchSize ?? 101;
    const left = documents.splice(size);
    const cursor = BSON.Long.fromNumber(left.length > 0 ? id : 0);
    if (left.length > 0) cursors.set(id, left);
    return { cursor: { id: cursor, ns: `test.${command.collection ?? argument}`, [key]: documents }, ok: 1 };
  };
  switch (name) {
    case 'hello': case 'ismaster': return HELLO;
    case 'ping': case 'endSessions': return { ok: 1 };
    case 'insert': {
      collections.set(argument, [...collections.get(argument) ?? [], ...command.documents]);
      return { n: command.documents.length, ok: 1 };
    }
    case 'find': return batch('firstBatch', [...collections.get(argument) ?? []], cursors.size + 1);
    case 'getMore': return batch('nextBatch', cursors.get(Number(argument)), Number(argument));
    case 'drop': {
      if (collections.delete(argument)) return { ok: 1 };
      return { ok: 0, errmsg: 'ns not found', code: 26, codeName: 'NamespaceNotFound' };
    }
    default: return { ok: 0, errmsg: `no such command: '${name}'`, code: 59, codeName: 'CommandNotFound' };
  }
}
