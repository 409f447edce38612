import { defineProblems } from '@stowage/http';

/** Every error this api answers with: the platform's and its own. docs/errors.md is made from it. */
export const problems = defineProblems({
  upload_missing: {
    status: 409,
    title: 'The file is not there yet',
    detail: 'Send the file with the upload form first, then complete the dataset.',
  },
  not_loaded: {
    status: 409,
    title: 'The dataset is not loaded',
    detail: 'Rows, rejects and profile can be read once the status is `ready`.',
  },
  deleting: {
    status: 409,
    title: 'The dataset is being deleted',
    detail: 'Nothing but its status can be had of a dataset that is being deleted.',
  },
});

export const { problem } = problems;
