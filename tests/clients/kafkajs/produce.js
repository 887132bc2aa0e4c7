// `produce`: sends records and says where each one went, in the order of the input.
'use strict';

const { CompressionTypes, Partitioners } = require('kafkajs');
const { decode, errorName, print, records, toHeaders } = require('./cli');

const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy };

async function produce(kafka, options) {
  const transactionalId = options['transactional-id'];
  const producer = kafka.producer({
    transactionalId,
    idempotent: options.idempotent ? options.idempotent === 'true' : options.acks === 'all',
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  try {
    const transaction = transactionalId && (await producer.transaction());
    await send(transaction || producer, options);
    if (transaction) await (options.outcome === 'commit' ? transaction.commit() : transaction.abort());
  } finally {
    await producer.disconnect();
  }
}

/** One request, whose answer tells the first offset of each partition. */
async function send(producer, options) {
  const messages = records().map((record) => ({
    key: decode(record.key),
    value: decode(record.value),
    headers: toHeaders(record.headers),
    ...(record.partition === undefined ? {} : { partition: record.partition }),
    ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp) }),
  }));
  if (messages.some((message) => message.partition === undefined)) throw new Error('each record needs a partition');
  try {
    const answers = await producer.send({
      topic: options.topic,
      messages,
      acks: options.acks === 'all' ? -1 : Number(options.acks),
      timeout: Number(options['timeout-ms']) / 2,
      compression: CODECS[options.codec],
    });
    const next = new Map(answers.map((answer) => [answer.partition, Number(answer.baseOffset)]));
    for (const { partition } of messages) {
      print({ partition, offset: next.get(partition) });
      next.set(partition, next.get(partition) + 1);
    }
  } catch (error) {
    process.stderr.write(`client: ${error.stack}\n`);
    messages.forEach(() => print({ error: errorName(error) }));
  }
}

module.exports = { produce };
