/**
 * `Fn::Cidr` for IPv4: the first `count` blocks of `hostBits` bits of addresses each within a block.
 *
 * @throws RangeError when the block is too small for so many
 */
export function subdivide(block: string, count: number, hostBits: number): string[] {
  const [address = '', prefix = ''] = block.split('/');
  const size = 2 ** hostBits;
  const first = toNumber(address);
  if (count * size > 2 ** (32 - Number(prefix))) {
    throw new RangeError(`${block} has no room for ${count} blocks of ${hostBits} bits`);
  }
  return Array.from({ length: count }, (_, i) => `${toAddress(first + i * size)}/${32 - hostBits}`);
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
