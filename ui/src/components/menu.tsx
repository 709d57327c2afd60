/** A button that opens a small surface: a list of acts, or anything else. */
import type { ComponentChildren } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import { Button } from "./basics"
import { Icon, type IconName } from "./icon"

interface PopoverProps {
  icon?: IconName
  label: string
  /** Text of the button; the label alone when it is an icon. */
  text?: ComponentChildren
  kind?: "primary" | "danger" | "bare"
  tiny?: boolean
  menu?: boolean
  children: (close: () => void) => ComponentChildren
}

export function Popover({ icon, label, text, kind, tiny, menu, children }: PopoverProps) {
  const [open, setOpen] = useState(false)
  const anchor = useRef<HTMLSpanElement>(null)
  const surface = useRef<HTMLDivElement>(null)
  const close = () => {
    setOpen(false)
    anchor.current?.querySelector("button")?.focus()
  }
  useLayoutEffect(() => {
    if (!open) return
    const place = () => {
      const at = anchor.current!.getBoundingClientRect()
      const box = surface.current!
      const below = innerHeight - at.bottom > box.offsetHeight + 8 || at.top < box.offsetHeight
      box.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - box.offsetHeight - 4)}px`
      box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - box.offsetWidth - 8))}px`
    }
    place()
    const first = surface.current!.querySelector<HTMLElement>("input, [role=menuitem], button, select")
    first?.focus()
    addEventListener("resize", place)
    return () => removeEventListener("resize", place)
  }, [open])
  useEffect(() => {
    if (!open) return
    const outside = (event: PointerEvent) => {
      if (!anchor.current?.contains(event.target as Node)) setOpen(false)
    }
    addEventListener("pointerdown", outside)
    return () => removeEventListener("pointerdown", outside)
  }, [open])
  const move = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation()
      close()
      return
    }
    if (!menu || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return
    event.preventDefault()
    const items = [...surface.current!.querySelectorAll<HTMLElement>("[role=menuitem]:not(:disabled)")]
    const at = items.indexOf(document.activeElement as HTMLElement)
    items.at((at + (event.key === "ArrowDown" ? 1 : -1)) % items.length)?.focus()
  }
  return (
    <span class="menu-anchor" ref={anchor} onKeyDown={move}>
      <Button
        {...(icon ? { icon } : {})}
        {...(kind ? { kind } : {})}
        tiny={tiny ?? false}
        label={label}
        aria-haspopup={menu ? "menu" : "dialog"}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {text}
      </Button>
      {open && (
        <div class="menu" ref={surface} role={menu ? "menu" : "dialog"} aria-label={label}>
          {children(close)}
        </div>
      )}
    </span>
  )
}

export interface Act {
  text: string
  icon?: IconName
  danger?: boolean
  disabled?: boolean
  act: () => void
}

export function Menu({ acts, ...rest }: Omit<PopoverProps, "children" | "menu"> & { acts: Act[] }) {
  return (
    <Popover menu {...rest}>
      {(close) =>
        acts.map((one) => (
          <button
            type="button"
            role="menuitem"
            key={one.text}
            class={`menu-item ${one.danger ? "danger" : ""}`}
            disabled={one.disabled}
            onClick={() => {
              close()
              one.act()
            }}
          >
            {one.icon && <Icon name={one.icon} />}
            {one.text}
          </button>
        ))
      }
    </Popover>
  )
}
