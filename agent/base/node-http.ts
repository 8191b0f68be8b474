/**
 * Node's `http` without what an `import` of it brings along: that reads all its exports, WebSocket among them, for which node then
 * loads a whole HTTP client: 3 MB of heap in each agent.
 */
import { getBuiltinModule } from 'node:process';

export const { createServer, STATUS_CODES } = getBuiltinModule('node:http');
