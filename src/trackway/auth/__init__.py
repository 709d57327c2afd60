"""Who may do what: users and what they show, roles and grants, and the policy that dispatch asks."""
