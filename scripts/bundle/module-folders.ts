import { dirname, posix } from 'node:path';
import type { Plugin } from 'rolldown';

const PACKAGE_FILE = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+\/(.+)$/;

/**
 * Lets bundled packages find the files they read. All of them seem to lie in the folder above the bundle: what
 * `lib/routes.js` of a package calls `__dirname` is `lib` there. (`import.meta.url` of a source in `src/` needs no help:
 * the bundle is one folder deep as well.)
 */
export const moduleFolders: Plugin = {
  name: 'module-folders',
  transform: {
    filter: { id: PACKAGE_FILE, code: /\b__dirname\b/ },
    handler(code, id) {
      const folder = posix.join('..', dirname(PACKAGE_FILE.exec(id)?.[1] ?? ''));
      const expression = `require('node:path').join(__bundle, ${JSON.stringify(folder)})`;
      return { code: code.replaceAll(/\b__dirname\b/g, expression), map: null };
    },
  },
  banner: 'const __bundle = import.meta.dirname;',
};
