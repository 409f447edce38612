import type { Plugin } from 'rolldown';

/**
 * Loads `node:http` as CommonJS does. As a module, Node reads every export of it, and one of them, `WebSocket`, loads all
 * of undici: 20 ms of each start, for what nobody uses.
 */
export const plainHttp: Plugin = {
  name: 'plain-http',
  resolveId: {
    filter: { id: /^(node:)?https?$/ },
    handler: (id) => `\0plain:${id.replace('node:', '')}`,
  },
  load: {
    filter: { id: /^\0plain:/ },
    handler: (id) => `module.exports = process.getBuiltinModule('node:${id.slice('\0plain:'.length)}');`,
  },
};
