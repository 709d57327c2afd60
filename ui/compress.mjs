// Writes each file that gains by it as .gz beside it, and prints the size that counts. Browsers take Brotli over TLS alone, and
// it would save a tenth: not worth another copy of everything.
import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { gzipSync } from "node:zlib"

const folder = new URL("../src/trackway/server/static/", import.meta.url)
const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`)
  .sort()
let total = 0
for (const name of names) {
  const plain = readFileSync(name)
  const packed = gzipSync(plain, { level: 9 })
  total += plain.length
  if (packed.length > plain.length * 0.9) continue
  writeFileSync(`${name}.gz`, packed)
  total += packed.length
}
console.log(`${names.length} files, ${(total / 1e6).toFixed(2)} MB with their compressed forms`)
