import { startS3 } from '../../src/s3/index.ts';
import { CREDENTIALS } from './credentials.ts';

// The stand-in in a process of its own, to be measured and killed: sends its URL, and its peak memory when asked.
const s3 = await startS3({ dataDir: process.argv[2] ?? '', credentials: CREDENTIALS });
process.on('message', () => process.send?.(process.resourceUsage().maxRSS / 1024));
process.on('disconnect', () => process.exit());
process.send?.(s3.url);
