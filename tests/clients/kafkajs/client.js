// The KafkaJS client of the tests; ../README.md describes its commands.
'use strict';

const { Kafka, CompressionCodecs, CompressionTypes, logLevel } = require('kafkajs');
const { administer } = require('./admin');
const { consume } = require('./consume');
const { errorName, parse, print } = require('./cli');
const { produce } = require('./produce');
const { configuration } = require('./properties');

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy');

async function main() {
  const { command, action, options, properties } = parse(process.argv.slice(2));
  const run = { produce, consume, admin: administer }[command];
  const own = configuration(properties);
  if (!run || !own || !options.bootstrap || !options.topic) {
    process.stderr.write('usage: client produce|consume|admin --bootstrap H:P --topic T …\n');
    return 64;
  }
  const kafka = new Kafka({
    brokers: options.bootstrap.split(','),
    clientId: 'tests',
    logLevel: logLevel.WARN,
    logCreator: () => ({ log }) => process.stderr.write(`client: ${log.message} ${log.error ?? ''}\n`),
    ...own,
  });
  try {
    return (await run(kafka, options, action)) ?? 0;
  } catch (error) {
    process.stderr.write(`client: ${error.stack}\n`);
    print({ error: errorName(error) });
    return 1;
  }
}

main().then((code) => process.stdout.write('', () => process.exit(code)));
