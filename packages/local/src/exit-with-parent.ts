/*
 * Loaded before a service by the supervisor: ends it when the supervisor is gone, `kill -9` included, so that nothing
 * of an embedded stack outlives it. The services themselves know nothing of this.
 */
process.channel?.unref();
process.on('disconnect', () => process.exit(1));
