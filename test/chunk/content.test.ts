import test from 'ava';
import { contentSuite } from '../conform/content.ts';
import { fakeContent } from '../fake/content.ts';
import { startCluster } from './cluster.ts';

contentSuite(test, 'fake', async () => {
  const content = fakeContent();
  return {
    content,
    isUsedBy: async (user) => [...content.users.values()].some((users) => users.has(user)),
    [Symbol.asyncDispose]: async () => {},
  };
});

contentSuite(test, 'three hosts', async () => {
  const cluster = await startCluster(3);
  return {
    content: cluster.host(0).chunks.content,
    isUsedBy: async (user) => (await cluster.tables.usedBy(user)).length > 0,
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
});
