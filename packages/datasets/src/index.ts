import { fileURLToPath } from 'node:url';

export * from './csv/index.ts';
export { applicationGrants } from './grants.ts';
export { datasetOf, DeleteDataset, LoadChunk, Message, SplitFile } from './messages.ts';
export * from './dataset.ts';
export { datasetSettings } from './settings.ts';
export { createDatasetStore, type DatasetStore } from './stores/dataset-store.ts';
export { createFileStore, FileChanged, type FileStore, type UploadForm } from './stores/file-store.ts';
export { createLoadStore, type EncodedChunk, type Ledger, type LoadStore } from './stores/load-store.ts';
export {
  createReadStore,
  type Filter,
  type ReadStore,
  type RowsPage,
  type StoredRow,
} from './stores/read-store.ts';

/** Folder of the numbered SQL files. */
export const migrationsDir: string = fileURLToPath(new URL('../migrations', import.meta.url));
