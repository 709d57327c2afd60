"""Projects that run by the clock: cron expressions, the rules of schedules, and who makes their times come."""
