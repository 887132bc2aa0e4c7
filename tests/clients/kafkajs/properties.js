// librdkafka's names of what KafkaJS sets in code.
'use strict';

const fs = require('fs');

const KNOWN = [
  'client.id', 'security.protocol', 'ssl.ca.location', 'ssl.certificate.location', 'ssl.key.location', 'sasl.mechanism',
  'sasl.username', 'sasl.password',
];

/** What a client's configuration gets of them; nothing if one is not known. */
function configuration(properties) {
  if (Object.keys(properties).some((name) => !KNOWN.includes(name))) return undefined;
  const protocol = (properties['security.protocol'] ?? 'PLAINTEXT').toUpperCase();
  const file = (name) => properties[name] && fs.readFileSync(properties[name], 'utf8');
  const own = {};
  if ('client.id' in properties) own.clientId = properties['client.id'];
  if (protocol.endsWith('SSL')) {
    own.ssl = { ca: file('ssl.ca.location'), cert: file('ssl.certificate.location'), key: file('ssl.key.location') };
  }
  if (protocol.startsWith('SASL')) {
    const [mechanism, username, password] = ['mechanism', 'username', 'password'].map((name) => properties[`sasl.${name}`]);
    own.sasl = { mechanism, username, password };
  }
  return own;
}

module.exports = { configuration };
