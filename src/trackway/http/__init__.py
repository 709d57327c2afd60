"""HTTP as each server of this package speaks it: connections, requests, routes, the guard at the door, the counts."""
