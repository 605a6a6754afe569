import { Option } from 'commander';

/** `--data`: which data folder, and so which stack, a command is about. */
export function dataOption(): Option {
  return new Option('--data <folder>', 'data folder (default: THOUGHTLOOP_DATA, else .thoughtloop in this directory)');
}
