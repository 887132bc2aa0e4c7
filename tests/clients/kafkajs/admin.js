// `admin ACTION`.
'use strict';

const { print } = require('./cli');

async function administer(kafka, options, action) {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await act(admin, options, action);
  } finally {
    await admin.disconnect();
  }
}

async function act(admin, { topic, partitions }, action) {
  switch (action) {
    case 'create-topic':
      await admin.createTopics({ topics: [{ topic, numPartitions: Number(partitions) }] });
      return print({ ok: true });
    case 'delete-topic':
      await admin.deleteTopics({ topics: [topic] });
      return print({ ok: true });
    case 'describe-topic': {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const described = topics[0].partitions.map(({ partitionId, leader }) => ({ partition: partitionId, leader }));
      return print({ name: topic, partitions: described.sort((a, b) => a.partition - b.partition) });
    }
    default:
      throw new Error(`unknown action ${action}`);
  }
}

module.exports = { administer };
