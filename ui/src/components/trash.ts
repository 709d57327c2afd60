/** Deleting what the trash keeps: done at once, and taken back as easily. */
import { call } from "../api/client"
import type { Trashed } from "../api/types"
import { attempt, say } from "./toasts"

/** Delete something and say so, with the way back; `after` shows what is there then, each time. Tells whether it was done. */
export async function discard(
  remove: () => Promise<Trashed>,
  said: string,
  after: (isBack: boolean) => void,
): Promise<boolean> {
  return attempt(async () => {
    const { trash_id } = await remove()
    after(false)
    say(said, async () => {
      await call("trash.restore", { trash_id })
      after(true)
    })
  })
}
