// Names: what to believe of answers, when to ask again, and how Node tells it.

import type { Mutant } from '../../tools/mutants/mutant.js';

const folder = 'src/services/node/dns';
const [stub, lookup, name, outcome] = ['stub-resolver', 'lookup', 'name', 'outcome'].map((file) => `${folder}/${file}.ts`) as [string, string, string, string];
const test = 'test/unit/services/node/dns.test.ts';

export const NAMES: readonly Mutant[] = [
  { file: stub, test, title: 'number and question are ours', text: 'reply.id === id && ', replacement: '' },
  { file: stub, test, title: 'number and question are ours', text: "reply?.type === 'response' && ", replacement: 'reply !== null && ' },
  { file: stub, test, title: 'number and question are ours', text: 'said.type === question.type && ', replacement: '' },
  { file: stub, test, title: 'number and question are ours', text: ' &&\n      said.type === question.type && unrooted(said.name) === unrooted(question.name)', replacement: ' && said.type === question.type' },
  { file: stub, test, title: 'number and question are ours', text: 'unrooted(said.name) === unrooted(question.name)', replacement: 'said.name === question.name' },
  { file: stub, test, title: 'number and question are ours', text: 'socket.connect(server.port, server.address, (error?: Error) => {', replacement: 'socket.send(asked.bytes, server.port, server.address, (error?: Error | null) => {\n        if (!error) return;' },
  { file: stub, test, title: 'a number and a port that nobody guesses', text: 'randomInt(0x1_0000)', replacement: '7' },
  { file: stub, test, title: 'after five seconds', text: 'const TIMEOUT_MS = 5000;', replacement: 'const TIMEOUT_MS = 4000;' },
  { file: stub, test, title: 'after five seconds', text: 'const TRIES = 2;', replacement: 'const TRIES = 1;' },
  { file: stub, test, title: 'goes to the next server', text: 'this.servers[i % this.servers.length]!', replacement: 'this.servers[0]!' },
  { file: stub, test, title: 'asked once', text: "['ENOTFOUND', 'ENODATA', 'ECANCELLED']", replacement: "['ECANCELLED']" },
  { file: name, test, title: 'that is no name is not asked', text: 'label.length > 0 && ', replacement: '' },
  { file: name, test, title: 'that is no name is not asked', text: 'rest.length <= 253 && ', replacement: '' },
  { file: stub, test, title: 'no way to one', text: 'if (error) fail(error);\n        else socket.send', replacement: 'socket.send' },
  { file: stub, test, title: 'one of 64 at once', text: 'if (this.flying < FLYING_MAX) {', replacement: 'if (this.flying >= 0) {' },
  { file: stub, test, title: 'one of 64 at once', text: 'this.waiting.clear();', replacement: '' },
  { file: stub, test, title: 'asks nobody for the server', text: 'lookup: (address, _options, done) => done(null, address, isIP(address)),', replacement: '' },
  { file: stub, test, title: 'by TCP leaves it out, too', text: 'asked = this.encode(question, false);\n      reply = await this.byUdp(server, asked);', replacement: 'reply = await this.byUdp(server, this.encode(question, false));' },
  { file: stub, test, title: 'in the middle of a record', text: 'this.decode(message) ?? this.decodeHead(message)', replacement: 'this.decode(message)' },
  { file: stub, test, title: 'whose address has', text: '.bytes > message.length ? null : reply', replacement: '.bytes < 0 ? null : reply' },
  { file: stub, test, title: 'asked again without that', text: "rcode === 'FORMERR' || ", replacement: '' },
  { file: stub, test, title: 'leaves no socket behind', text: 'queueMicrotask(() => end());', replacement: '' },
  { file: stub, test, title: 'can be called off', text: "give(new Unanswered('ECANCELLED'))", replacement: '{ void give; }' },
  { file: stub, test, title: 'cut short is had by TCP', text: 'reply.flag_tc ? ', replacement: 'false ? ' },
  { file: stub, test, title: 'cut short is had by TCP', text: ' || heard.length < 2 + heard.readUInt16BE(0)', replacement: '' },
  { file: stub, test, title: 'never comes by TCP', text: "if (reply === null) fail(new Unanswered('EBADRESP'));", replacement: 'if (reply === null) return;' },
  { file: stub, test, title: 'never comes by TCP', text: "socket.on('close', () => fail(new Unanswered('ECONNRESET')));", replacement: '' },
  { file: lookup, test, title: 'who is reachable by one comes first', text: '!host.families.has(6)) ? 4 : 6', replacement: 'host.families.has(6)) ? 4 : 6' },
  { file: lookup, test, title: 'with ADDRCONFIG', text: 'families.filter((family) => host.families.has(family))', replacement: 'families' },
  { file: lookup, test, title: 'with ADDRCONFIG', text: '`::ffff:${address}`', replacement: 'address' },
  { file: lookup, test, title: 'knows localhost by itself', text: 'LOCALHOST.filter(({ family }) => families.includes(family))', replacement: 'LOCALHOST.filter(({ family }) => reachable.includes(family))' },
  { file: lookup, test, title: 'takes null for nothing said', text: "original(LITERAL, given, typeof callback === 'function' ? nothing : callback);", replacement: '' },
  { file: lookup, test, title: 'nobody who knows', text: "isKnown ? 'ENOTFOUND' : 'EAI_AGAIN'", replacement: "'ENOTFOUND'" },
  { file: lookup, test, title: 'nobody who knows', text: 'if (found.length > 0) return found;', replacement: "if (found.length > 0 && outcomes.every(({ status }) => status === 'fulfilled')) return found;" },
  { file: lookup, test, title: 'knows localhost by itself', text: '/(^|\\.)localhost\\.?$/i', replacement: '/^localhost$/' },
  { file: outcome, test, title: 'tells who is unknown', text: 'EAI_AGAIN: -3001', replacement: 'EAI_AGAIN: -3008' },
];
