// `consume`: KafkaJS reads as a member of a group only, so without --group it takes a group of its own.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const { encode, fromHeaders, print } = require('./cli');

async function consume(kafka, options) {
  if (options.group && options.count === undefined) throw new Error('--group needs --count');
  const wanted = options.group ? undefined : await ends(kafka, options);
  let left = options.count === undefined ? Infinity : Number(options.count);
  if (left === 0 || (left === Infinity && wanted.size === 0)) return 0;
  const consumer = kafka.consumer({
    groupId: options.group ?? `alone-${crypto.randomUUID()}`,
    maxWaitTimeInMs: 100,
    readUncommitted: options.isolation !== 'read_committed',
    allowAutoTopicCreation: false,
  });
  const late = new Promise((resolve) => setTimeout(resolve, Number(options['timeout-ms']), 3).unref());
  const read = new Map();
  await consumer.connect();
  await consumer.subscribe({ topics: [options.topic], fromBeginning: true });
  const done = new Promise((resolve) => {
    consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset }) => {
        for (const message of batch.messages) {
          if (left <= 0) return;
          if (options.partition !== 'all' && Number(options.partition) !== batch.partition) continue;
          print(line(batch.partition, message));
          read.set(batch.partition, Number(message.offset) + 1);
          resolveOffset(message.offset);
          left -= 1;
        }
        resolveOffset(batch.lastOffset());
        // Of the last batch control records are left out, so the batch tells how far it goes.
        if (wanted && wanted.get(batch.partition) <= Number(batch.lastOffset()) + 1) wanted.delete(batch.partition);
        if (left <= 0 || (left === Infinity && wanted.size === 0)) resolve(0);
      },
    });
  });
  const code = await Promise.race([done, late]);
  if (options.group && code === 0) {
    const offsets = [...read].map(([partition, offset]) => ({ topic: options.topic, partition, offset: String(offset) }));
    await consumer.commitOffsets(offsets);
    if (options.hold) await end();
  }
  await consumer.disconnect();
  return code;
}

/** The partitions to read that are not empty, and where each ends. */
async function ends(kafka, options) {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(options.topic);
  await admin.disconnect();
  const mine = offsets.filter(({ partition }) => options.partition === 'all' || Number(options.partition) === partition);
  return new Map(mine.filter(({ low, high }) => Number(high) > Number(low)).map(({ partition, high }) => [partition, Number(high)]));
}

/** The end of the input; the member's heartbeats go on meanwhile. */
function end() {
  return new Promise((resolve) => fs.createReadStream(null, { fd: 0 }).on('close', resolve).resume());
}

function line(partition, message) {
  return {
    partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    timestampType: message.attributes & 8 ? 'LogAppendTime' : 'CreateTime',
    key: encode(message.key),
    value: encode(message.value),
    headers: fromHeaders(message.headers),
  };
}

module.exports = { consume };
