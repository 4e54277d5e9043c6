"""Files of vouchers on pages: for customers at `/settings/files`, for operators at `/admin/connections/{id}/files`."""
