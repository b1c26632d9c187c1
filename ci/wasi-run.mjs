// Runs a WASI program: node --no-warnings ci/wasi-run.mjs PROGRAM.wasm ARGUMENT..
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WASI } from 'node:wasi';

// The functions that Rust's std calls and Debian's wasi-libc does not have (wasi-missing.txt), as
// newer ones have them: attributes of a thread can be set, no thread can be started.
const ok = () => 0;
const notSupported = () => 58;
const env = {
  pthread_attr_init: ok,
  pthread_attr_setstacksize: ok,
  pthread_attr_destroy: ok,
  pthread_create: notSupported,
  pthread_join: notSupported,
  pthread_detach: notSupported,
};

// A WASI program starts in `/`: that is the repository, as paths in the tests are relative to it.
const preopens = { '/': fileURLToPath(new URL('..', import.meta.url)) };
const args = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args, env: process.env, preopens, returnOnExit: true });
const module = await WebAssembly.compile(fs.readFileSync(args[0]));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport, env }));
