// Preloaded: ends the program once it has said what it had to say, although the SDK's own request still waits.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (text: string | Uint8Array) => {
  write(text, () => process.exit(0));
  return true;
};
