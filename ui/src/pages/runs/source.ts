/** Found runs by their place in the order: fetched a block at a time, where the table is looked at. */
import { ApiError, call } from "../../api/client"
import type { Run } from "../../api/types"

export interface RunQuery {
  experiments: string[] | null
  filter: string
  order_by: string[]
  view: "active" | "deleted"
}

const BLOCK = 100

export class RunSource {
  /** Ids of all found runs in order; null until they are known: then only the first block is. */
  private ids: string[] | null = null
  private readonly runs = new Map<string, Run>()
  private first: string[] = []
  private more = false
  private readonly asked = new Set<number>()
  private readonly control = new AbortController()
  private begun = 0
  private later = 0
  error: ApiError | undefined
  loading = true

  constructor(
    readonly query: RunQuery,
    private readonly changed: () => void,
  ) {
    void this.begin()
  }

  /** How many runs are known of. */
  get count(): number {
    return this.ids?.length ?? this.first.length + (this.more ? 1 : 0)
  }

  /** Whether `count` is that of all found runs. */
  get counted(): boolean {
    return this.ids !== null || !this.more
  }

  id(place: number): string | undefined {
    return (this.ids ?? this.first)[place]
  }

  /** Ids of all runs that are known of. */
  every(): string[] {
    return this.ids ?? this.first
  }

  /** The place of a run; -1 when it is not one of these. */
  place(id: string): number {
    return (this.ids ?? this.first).indexOf(id)
  }

  run(place: number): Run | undefined {
    const id = this.id(place)
    return id === undefined ? undefined : this.runs.get(id)
  }

  /** Runs that are here, in order, up to a number of them. */
  loaded(limit: number): Run[] {
    const found: Run[] = []
    for (const id of this.ids ?? this.first) {
      const run = this.runs.get(id)
      if (run) found.push(run)
      if (found.length === limit) break
    }
    return found
  }

  known(id: string): Run | undefined {
    return this.runs.get(id)
  }

  /** Put in a run as it is now, if it is one of these. */
  put(run: Run): void {
    if (this.runs.has(run.run_id)) this.runs.set(run.run_id, run)
  }

  stop(): void {
    window.clearTimeout(this.later)
    this.control.abort()
  }

  /** Fetch what is missing between two places. */
  need(start: number, end: number): void {
    if (!this.ids) return
    for (let block = Math.floor(start / BLOCK); block * BLOCK < Math.min(end, this.ids.length); block++) {
      if (this.asked.has(block)) continue
      this.asked.add(block)
      void this.fetch(block)
    }
  }

  /** Follow a change: ask for the runs that are here again, and for the order when there are others. */
  async follow(runs: string[], all: boolean): Promise<void> {
    const known = runs.filter((id) => this.runs.has(id))
    const ids = new Set(this.ids ?? this.first)
    const strange = all || runs.length === 0 || runs.some((id) => !ids.has(id)) || this.query.filter !== ""
    try {
      if (known.length > 0) {
        const found = await call("runs.get_many", { run_ids: known.slice(0, 500) }, this.control.signal)
        for (const run of found.runs) this.runs.set(run.run_id, run)
        this.changed()
      }
      // The order of many runs is dear to ask for: it is a little behind then.
      const pause = this.count > 5_000 ? 15_000 : 2_000
      if ((strange || this.query.order_by.length > 0) && Date.now() - this.begun > pause) await this.begin(true)
      else if (strange && !this.later) {
        this.later = window.setTimeout(() => {
          this.later = 0
          if (!this.control.signal.aborted) void this.begin(true)
        }, pause)
      }
    } catch {
      // Runs that cannot be had now are asked for with the next change.
    }
  }

  /** Ask again for the order, and for the runs that are here. */
  async refresh(): Promise<void> {
    await this.begin(true)
  }

  private async begin(again = false): Promise<void> {
    this.begun = Date.now()
    const { experiments, ...rest } = this.query
    const asked = { experiment_ids: experiments, ...rest }
    const { signal } = this.control
    try {
      const page = await call("runs.search", { ...asked, limit: BLOCK }, signal)
      for (const run of page.runs) this.runs.set(run.run_id, run)
      this.first = page.runs.map((run) => run.run_id)
      this.more = page.next_page_token !== ""
      if (!this.more) this.ids = this.first
      this.error = undefined
      this.loading = false
      if (!again) this.asked.clear()
      this.changed()
      if (!this.more) return
      const index = await call("runs.index", asked, signal)
      this.ids = index.run_ids === "" ? [] : index.run_ids.split("\n")
      this.asked.clear()
      this.asked.add(0)
      if (again) this.keep()
      this.changed()
    } catch (error) {
      if (signal.aborted) return
      this.error = error instanceof ApiError ? error : new ApiError(0, "", String(error))
      this.loading = false
      this.changed()
    }
  }

  /** Forget runs beyond a few thousand: they are fetched again where they are looked at. */
  private keep(): void {
    if (this.runs.size < 5_000) return
    const first = new Set(this.first)
    for (const id of this.runs.keys()) if (!first.has(id)) this.runs.delete(id)
  }

  private async fetch(block: number): Promise<void> {
    const ids = this.ids!.slice(block * BLOCK, (block + 1) * BLOCK)
    try {
      const { runs } = await call("runs.get_many", { run_ids: ids }, this.control.signal)
      for (const run of runs) this.runs.set(run.run_id, run)
      this.changed()
    } catch (error) {
      if (this.control.signal.aborted) return
      this.asked.delete(block)
      this.error = error instanceof ApiError ? error : new ApiError(0, "", String(error))
      this.changed()
    }
  }
}
