// The command line and the JSON forms.
'use strict';

const fs = require('fs');

/** `command [action] --option value …`; an option's name loses its dashes, and properties are together. */
function parse(argv) {
  const command = argv.shift();
  const action = argv.length && !argv[0].startsWith('--') ? argv.shift() : undefined;
  const options = { codec: 'none', acks: 'all', outcome: 'commit', partition: 'all', 'timeout-ms': '20000', partitions: '1' };
  const properties = {};
  for (let i = 0; i + 1 < argv.length; i += 2) {
    const [name, value] = [argv[i].replace(/^--/, ''), argv[i + 1]];
    if (name === 'property') properties[value.split('=', 1)[0]] = value.slice(value.indexOf('=') + 1);
    else options[name] = value;
  }
  return { command, action, options, properties };
}

function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const encode = (bytes) => (bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('base64'));
const decode = (text) => (text === null || text === undefined ? null : Buffer.from(text, 'base64'));

/** KafkaJS keeps headers as an object, in which a name that repeats has a list. */
function toHeaders(pairs) {
  const headers = {};
  for (const [name, value] of pairs ?? []) {
    if (name in headers) headers[name] = [].concat(headers[name], decode(value));
    else headers[name] = decode(value);
  }
  return headers;
}

function fromHeaders(headers) {
  return Object.entries(headers ?? {}).flatMap(([name, values]) => [].concat(values).map((value) => [name, encode(value)]));
}

function records() {
  return fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** Kafka's name for an error, which KafkaJS wraps, or that of its class after an underscore. */
function errorName(error) {
  for (let at = error; at; at = at.cause ?? at.originalError) {
    if (at.type && at.code > 0) return at.type;
    if (at.name === 'KafkaJSTimeout') return 'CLIENT_TIMEOUT';
  }
  return `_${error.name}`;
}

module.exports = { decode, encode, errorName, fromHeaders, parse, print, records, toHeaders };
